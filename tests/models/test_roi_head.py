"""The RoI head inside real detectors, on random pictures."""

import pytest
import torch
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.structures import InstanceData

from ocrnet_mmdet.errors import InputError
from tests.detectors import data_batch, ocrnet_config, tiny


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = MODELS.build(ocrnet_config()).roi_head
    head.init_weights()
    return head.eval()


def levels(images=2, size=64):
    torch.manual_seed(1)
    return tuple(torch.randn(images, 16, size // s, size // s) for s in (4, 8, 16, 32))


ROIS = torch.tensor(
    [[0, 3.0, 5.0, 29.0, 41.0], [0, 0.0, 0.0, 60.0, 60.0], [1, 40.0, 8.0, 47.0, 60.0]]
)


def test_a_zeroed_aggregator_leaves_the_pooled_regions(head):
    torch.nn.init.normal_(head.aggregator.out.weight)
    trained = head._bbox_forward(levels(), ROIS)['bbox_feats']
    torch.nn.init.zeros_(head.aggregator.out.weight)
    torch.nn.init.zeros_(head.aggregator.out.bias)
    zeroed = head._bbox_forward(levels(), ROIS)['bbox_feats']
    pooled = head.bbox_roi_extractor(levels(), ROIS)
    assert torch.equal(zeroed, pooled) and not torch.allclose(trained, pooled, atol=1e-2)
    fine = head.bbox_roi_extractor(levels(), ROIS, scale=2)
    assert torch.equal(head._mask_forward(levels(), ROIS)['mask_feats'], fine)


def test_a_batch_gives_what_its_pictures_give_alone(head):
    torch.nn.init.normal_(head.aggregator.out.weight)
    x = levels()
    together = head._bbox_forward(x, ROIS)
    for image in range(2):
        own = ROIS[:, 0] == image
        rois = ROIS[own].clone()
        rois[:, 0] = 0
        alone = head._bbox_forward(tuple(m[image : image + 1] for m in x), rois)
        torch.testing.assert_close(
            together['cls_score'][own], alone['cls_score'], atol=1e-4, rtol=1e-4
        )


def sampled(gt_flags, boxes):
    gt = torch.tensor([[5.0, 5.0, 20.0, 20.0]])
    index = torch.arange(len(boxes))
    assigned = InstanceData()
    assigned.gt_inds, assigned.labels = (
        torch.ones(len(boxes), dtype=torch.long),
        torch.zeros(len(boxes), dtype=torch.long),
    )
    return SamplingResult(
        index, index[:0], boxes, gt, assigned, torch.tensor(gt_flags, dtype=torch.uint8)
    )


def test_sampled_ground_truth_is_hidden_from_the_others(head):
    torch.nn.init.normal_(head.aggregator.out.weight)
    near, other = torch.tensor([6.0, 5.0, 22.0, 21.0]), torch.tensor([30.0, 30.0, 60.0, 60.0])

    def box_of_the_candidate(gt_box, flags):
        boxes = torch.stack([gt_box, near])
        results = head.bbox_loss(levels(1), [sampled(flags, boxes)])
        return results['bbox_pred'][1]

    truth = torch.tensor([5.0, 5.0, 20.0, 20.0])
    torch.testing.assert_close(
        box_of_the_candidate(truth, [1, 0]), box_of_the_candidate(other, [1, 0])
    )
    assert not torch.allclose(
        box_of_the_candidate(truth, [0, 0]), box_of_the_candidate(other, [0, 0]), atol=1e-4
    )


@pytest.mark.parametrize(
    'loss',
    [
        dict(loss_bbox=dict(type='MSELoss')),
        dict(loss_bbox=dict(type='SmoothL1Loss')),
        dict(loss_bbox=dict(type='GIoULoss'), reg_decoded_bbox=True),
    ],
)
def test_box_losses_of_the_config_train(loss):
    loss = dict(loss)
    config = ocrnet_config()
    config.roi_head.bbox_head.loss_bbox = loss.pop('loss_bbox')
    config.roi_head.bbox_head.update(loss)
    model = tiny(config)
    losses = model(**data_batch(model), mode='loss')
    assert 0 < losses['loss_bbox'] < 100
    losses['loss_bbox'].backward()
    assert model.roi_head.bbox_head.fc_reg.weight.grad.abs().sum() > 0


def test_no_region_at_all_is_no_error(head):
    assert head._bbox_forward(levels(), torch.zeros(0, 5))['cls_score'].shape[0] == 0
    nothing = [
        InstanceData(
            bboxes=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.long)
        )
    ] * 2
    assert len(bbox2roi([r.bboxes for r in nothing])) == 0


def test_a_score_is_the_class_times_the_candidate_to_a_power(head):
    config = head.test_cfg.copy()
    config.update(score_thr=0.0, nms=dict(type='nms', iou_threshold=1.0), max_per_img=-1)
    metas = [dict(img_shape=(64, 64))] * 2

    def detect(weight, scores):
        candidates = [
            InstanceData(bboxes=ROIS[:2, 1:], scores=torch.tensor(scores)),
            InstanceData(bboxes=ROIS[2:, 1:], scores=torch.tensor([0.04])),
        ]
        config.quality_weight = weight
        return head.predict_bbox(levels(), metas, candidates, config)

    plain, weighted = detect(0.0, [0.81, 0.16]), detect(0.5, [0.81, 0.16])
    torch.testing.assert_close(weighted[1].scores, 0.2 * plain[1].scores)
    assert len(weighted[0]) == len(plain[0])
    best = [results[0].scores.max() for results in (plain, weighted)]
    assert 0.4 * best[0] <= best[1] <= 0.9 * best[0]
    # Candidates of a file without scores come with zeros.
    torch.testing.assert_close(detect(0.5, [0.0, 0.0])[0].scores, plain[0].scores)


SABL = dict(
    type='SABLHead',
    num_classes=3,
    cls_in_channels=16,
    reg_in_channels=16,
    roi_feat_size=7,
    reg_feat_up_ratio=2,
    reg_pre_kernel=3,
    reg_post_kernel=3,
    reg_pre_num=2,
    reg_post_num=1,
    cls_out_channels=32,
    reg_offset_out_channels=16,
    reg_cls_out_channels=16,
    num_cls_fcs=1,
    num_reg_fcs=0,
    reg_class_agnostic=True,
    bbox_coder=dict(type='BucketingBBoxCoder', num_buckets=14, scale_factor=1.7),
)


def test_a_box_head_with_scores_of_its_own_keeps_them():
    config = ocrnet_config()
    config.roi_head.bbox_head = SABL
    config.test_cfg.rcnn.quality_weight = 0.5
    with pytest.raises(
        InputError, match='SABLHead makes scores in its own way: set .*quality_weight=0'
    ):
        MODELS.build(config)
    config.test_cfg.rcnn.quality_weight = 0
    head = MODELS.build(config).roi_head.eval()
    candidates = [InstanceData(bboxes=ROIS[:2, 1:], scores=torch.ones(2))]
    args = levels(1), [dict(img_shape=(64, 64))], candidates, head.test_cfg
    ours, stock = head.predict_bbox(*args), StandardRoIHead.predict_bbox(head, *args)
    assert len(ours[0]) and torch.equal(ours[0].scores, stock[0].scores)


def test_a_shared_head_is_refused():
    config = ocrnet_config()
    config.roi_head.shared_head = dict(type='ResLayer', depth=50, stage=3, stride=2)
    with pytest.raises(InputError, match='roi_head.shared_head=None'):
        MODELS.build(config)


def test_a_mask_roi_extractor_is_refused():
    config = ocrnet_config()
    config.roi_head.mask_roi_extractor = dict(type='OCRNetRoIExtractor', out_channels=16)
    with pytest.raises(InputError, match='mask_roi_extractor=None'):
        MODELS.build(config)


@pytest.mark.parametrize(
    'changes, layout',
    [
        (dict(), torch.channels_last),
        (dict(conv_cfg=dict(type='DCNv2', deform_groups=1)), torch.contiguous_format),
    ],
)
def test_mask_heads_without_mmcvs_operators_read_channels_last(changes, layout):
    config = ocrnet_config()
    config.roi_head.mask_head.update(changes)
    head = MODELS.build(config).roi_head
    feats = head._mask_forward(levels(), ROIS)['mask_feats']
    assert feats.is_contiguous(memory_format=layout)
