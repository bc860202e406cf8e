"""Which regions of a batch are read, and where the student sees them.

Shape shorthand: V views of a batch, R regions of one view, k regions read of a view. Boxes are xyxy
in pixels of a view.
"""
from __future__ import annotations

import torch
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.structures.bbox import bbox_overlaps
from mmengine.structures import InstanceData
from torch import Tensor

NEAR = 0.2  # IoU of a candidate and a region; with 0.5, near misses took 30 % of robosoccer's positives


def choose_regions(first: Tensor, second: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Positions of up to ``count`` regions of each of a picture's two views, drawn at random.

    The same regions of both, as far as both show them; what is left is filled with their others.

    Args:
        first: (R1,) ids of the regions in one view.
        second: (R2,) of the other.
    """
    ids = torch.cat([first, second])
    top = int(ids.max()) + 1 if len(ids) else 0
    order = torch.rand(top, device=ids.device)
    seen = torch.bincount(ids, minlength=top)
    order = order + (seen < 2)
    return tuple(order[view].argsort()[:count] for view in (first, second))


def samples_of(boxes: Tensor, regions: InstanceData, chosen: Tensor) -> SamplingResult:
    """mmdet's record of samples that are all positive: ``boxes`` (k, 4) for the ``chosen`` (k,)
    regions.
    """
    count = len(regions.bboxes)
    assigned = AssignResult(count, chosen + 1, boxes.new_ones(len(chosen)),
                            torch.zeros_like(chosen))
    every = torch.arange(len(chosen), device=boxes.device)
    return SamplingResult(every, every[:0], boxes, regions.bboxes, assigned,
                          torch.zeros_like(every, dtype=torch.uint8))


def uncovered(candidates: InstanceData, boxes: Tensor, min_score: float) -> Tensor:
    """Confident candidates that no region covers: (M, 4) boxes with IoU < ``NEAR`` to all of (R, 4).

    Nobody said that they are no objects, so no loss should (DropLoss of Wang et al., CutLER, 2023,
    section 3.3, drops such predictions). One that lies nearer to a region is a wrong box of it, of
    which the loss should say so.
    """
    confident = candidates.bboxes[candidates.scores >= min_score]
    if not len(boxes) or not len(confident):
        return confident
    return confident[bbox_overlaps(confident, boxes).amax(1) < NEAR]
