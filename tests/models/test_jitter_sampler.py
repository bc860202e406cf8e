"""What the RoI head is trained on."""

import torch
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import HorizontalBoxes, bbox_overlaps
from mmengine.structures import InstanceData

import ocrnet_mmdet  # noqa: F401
from ocrnet_mmdet.models.jitter_sampler import jitter_boxes


def sample(gt, candidates, num=64):
    torch.manual_seed(0)
    config = dict(num=num, pos_fraction=0.5, neg_pos_ub=-1, add_gt_as_proposals=True)
    sampler = TASK_UTILS.build(dict(type='OCRNetJitterSampler', **config))
    assigner = TASK_UTILS.build(
        dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5)
    )
    objects = InstanceData(bboxes=HorizontalBoxes(gt), labels=torch.arange(len(gt)) % 2)
    priors = InstanceData(priors=candidates)
    return sampler.sample(
        assigner.assign(priors, InstanceData(bboxes=gt, labels=objects.labels)), priors, objects
    )


def test_objects_are_added_moved_and_asked_back_exactly():
    corner = torch.rand(20, 2, generator=torch.Generator().manual_seed(1)) * 100
    gt = torch.cat([corner, corner + 24], dim=1)
    result = sample(gt, torch.tensor([[300.0, 300.0, 340.0, 340.0]]))
    assert result.pos_is_gt.all() and len(result.pos_priors) == len(gt)  # as BaseSampler flags them
    assert torch.equal(result.pos_gt_bboxes, gt[result.pos_assigned_gt_inds])
    moved = bbox_overlaps(result.pos_priors, result.pos_gt_bboxes, is_aligned=True)
    assert (moved < 0.95).float().mean() > 0.8 and (moved >= 0.5).all()
    assert (result.pos_priors >= 0).all()
    assert torch.equal(result.pos_gt_labels, result.pos_assigned_gt_inds % 2)


def test_a_picture_without_objects_has_negatives_alone():
    result = sample(torch.zeros(0, 4), torch.tensor([[3.0, 3.0, 40.0, 40.0]]))
    assert len(result.pos_priors) == len(result.pos_gt_bboxes) == 0 and len(result.neg_priors) == 1


def test_jittered_boxes_keep_their_bounds():
    torch.manual_seed(0)
    boxes = torch.tensor([[10.0, 10, 30, 50]]).repeat(500, 1)
    moved = jitter_boxes(boxes, 0.25, (48, 64))
    assert (moved[:, 3] <= 48).all()
    shift = moved - boxes
    assert shift[:, 0].abs().max() <= 5 and shift[:, 1].abs().max() <= 10
    assert shift[:, :3].std(0).min() > 1
    tiny = torch.tensor([[5.0, 5, 6, 6]])
    assert jitter_boxes(tiny, 0.4, (48, 64)).equal(tiny)  # too thin to move: it stays
