"""Training samples of the RoI head: candidates, and the objects' boxes moved a little."""

import torch
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.models.task_modules.samplers import RandomSampler, SamplingResult
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import bbox_overlaps, get_box_tensor
from mmengine.structures import InstanceData
from torch import Tensor

JITTER = 0.25  # of a box's sides
MIN_IOU = 0.5  # with the object, as the assigner asks of a positive candidate
MIN_SIDE = 2  # pixels


@TASK_UTILS.register_module()
class OCRNetJitterSampler(RandomSampler):
    """mmdet's RandomSampler, in which ``add_gt_as_proposals`` adds jittered ground truth boxes.

    The exact ones teach the box branch to change nothing.
    """

    def sample(
        self,
        assign_result: AssignResult,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        **kwargs,
    ) -> SamplingResult:
        exact = get_box_tensor(gt_instances.bboxes)
        moved = jitter_boxes(exact, JITTER, (torch.inf, torch.inf))
        near = bbox_overlaps(moved, exact, is_aligned=True) >= MIN_IOU
        added = InstanceData(
            bboxes=torch.where(near[:, None], moved, exact), labels=gt_instances.labels
        )
        result = super().sample(assign_result, pred_instances, added, **kwargs)
        if len(exact):
            result.pos_gt_bboxes = exact[result.pos_assigned_gt_inds]
        return result


def jitter_boxes(boxes: Tensor, amount: float, size: tuple[float, float]) -> Tensor:
    """Move every edge of boxes (R, 4) by up to ``amount`` of its box's side, within ``size`` (H,
    W).

    A box that would become thinner than ``MIN_SIDE`` stays.
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    moved = boxes + (torch.rand_like(boxes) * 2 - 1) * amount * sides
    height, width = size
    limit = boxes.new_tensor([width, height, width, height])
    moved = moved.clamp(min=boxes.new_zeros(4), max=limit)
    too_thin = ((moved[:, 2:] - moved[:, :2]) < MIN_SIDE).any(1, keepdim=True)
    return torch.where(too_thin, boxes, moved)
