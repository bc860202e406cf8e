"""The loss terms of the stage without labels: student and views in, losses and a record out.

Shape shorthand: B images, V = 2B views of a batch (every image's first, then every image's second),
R regions of one view, N regions read of a batch, D a region vector's length. Boxes are xyxy in
pixels of a view. Naming convention: *student* is the detector that the gradient trains, *teacher*
its exponential moving average. A term's losses are by the weight that counts for them and by their
names in the log, and not yet weighted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
from mmdet.models.task_modules.assigners import AssignResult
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..models.jitter_sampler import jitter_boxes
from .monitors import constant_bce
from .record import LevelRecord, RegionRecord, VectorRecord
from .region_loss import variance_covariance
from .slots import best_proposals, box_forward, captured_input
from .targets import choose_regions, same_in_other_view, uncovered

Loss: TypeAlias = 'Tensor | list[Tensor]'  # a list: one of each level, as mmdet's heads give them
Losses: TypeAlias = 'dict[str, dict[str, Loss]]'


@dataclass
class Views:
    """A batch as the terms read it.

    Attributes:
        inputs: (V, 3, S, S).
        samples: V, each with ``gt_instances`` (``bboxes``, ``ids``), ``segments`` and the view's
            metainfo.
        levels: The student's, (V, C, H_l, W_l) each.
        read: Makes ``reading``, at most once and when the first term asks for it.
    """

    inputs: Tensor
    samples: list[DetDataSample]
    levels: tuple[Tensor, ...]
    read: Callable[[Views], Reading]

    @cached_property
    def reading(self) -> Reading:
        return self.read(self)

    @property
    def boxes(self) -> list[Tensor]:
        """V of (R, 4): the regions."""
        return [sample.gt_instances.bboxes for sample in self.samples]

    @property
    def metas(self) -> list[dict]:
        return [sample.metainfo for sample in self.samples]


@dataclass
class Reading:
    """What the student's box branch makes of some regions of each view, seen from boxes beside
    theirs.

    Attributes:
        chosen: V of (k,) positions of the regions.
        boxes: V of (k, 4) where the student sees them.
        rois: (N, 5) the same with their views' numbers.
        results: The box branch's.
        vectors: (N, features) what its classifier reads.
    """

    chosen: list[Tensor]
    boxes: list[Tensor]
    rois: Tensor
    results: dict
    vectors: Tensor


@dataclass
class RegionReader:
    """Reads regions for the boxes' and the vectors' term, which share it.

    Attributes:
        count: Regions of a view.
        jitter: How far boxes are moved, in box sides: the first half of a view's by the first
            number, the others by the second.
        hidden_context: Share of a view's regions that is hidden from the others' attention.
    """

    count: int
    jitter: tuple[float, float]
    hidden_context: float

    def __call__(self, student: nn.Module, views: Views) -> Reading:
        regions = [sample.gt_instances for sample in views.samples]
        half = len(regions) // 2
        pairs = [
            choose_regions(a.ids, b.ids, self.count) for a, b in zip(regions[:half], regions[half:])
        ]
        chosen = [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
        boxes = [
            self.jittered(r.bboxes[i], meta) for r, i, meta in zip(regions, chosen, views.metas)
        ]
        rois = bbox2roi(boxes)
        with captured_input(student.roi_head.bbox_head.fc_cls) as vectors:
            results = box_forward(student.roi_head, views.levels, rois, self.hidden_context)
        return Reading(chosen, boxes, rois, results, vectors[0])

    def jittered(self, boxes: Tensor, meta: dict) -> Tensor:
        middle = (len(boxes) + 1) // 2
        return torch.cat(
            [
                jitter_boxes(part, amount, meta['img_shape'][:2])
                for part, amount in zip((boxes[:middle], boxes[middle:]), self.jitter)
            ]
        )


@dataclass
class RegionTerm:
    """The region head's own losses on the regions; no penalty for what no region covers.

    Attributes:
        min_score: Of a proposal that no region covers, to be left alone.
    """

    min_score: float

    def __call__(self, student: nn.Module, views: Views) -> tuple[Losses, RegionRecord]:
        head, metas, boxes = student.rpn_head, views.metas, views.boxes
        outputs = head(views.levels)
        with torch.no_grad():
            proposals = best_proposals(student, outputs, metas)
            left_alone = [
                uncovered(p.bboxes, p.scores, b, self.min_score) for p, b in zip(proposals, boxes)
            ]
        losses = head.loss_by_feat(
            *outputs, [_objects(b) for b in boxes], metas, [_objects(b) for b in left_alone]
        )
        named = {name if 'rpn' in name else f'rpn_{name}': loss for name, loss in losses.items()}
        return dict(regions=named), RegionRecord([p.bboxes for p in proposals])


class BoxTerm:
    """The box branch, from jittered boxes back to the regions."""

    def __call__(self, student: nn.Module, views: Views) -> tuple[Losses, LevelRecord]:
        reading, head = views.reading, student.roi_head.bbox_head
        samples = [
            samples_of(boxes, sample.gt_instances, chosen)
            for boxes, sample, chosen in zip(reading.boxes, views.samples, reading.chosen)
        ]
        predicted = reading.results['bbox_pred']
        made = head.loss_and_target(
            None, predicted, reading.rois, samples, student.roi_head.train_cfg
        )
        with torch.no_grad():  # the loss of predicting the targets' mean: symmetric jitter's is 0
            unmoved = head.loss(
                None, torch.zeros_like(predicted), reading.rois, *made['bbox_targets']
            )
        loss = made['loss_bbox']['loss_bbox']
        return dict(boxes=dict(loss_boxes=loss)), LevelRecord(
            loss.detach().sum(), unmoved['loss_bbox']
        )


@dataclass
class VectorTerm:
    """Region vectors towards the teacher's of the same regions in the other view, and apart from
    each other.

    A region's vector is what the RoI head's classifier reads. The student sees regions from
    jittered boxes, the teacher from their own.

    Attributes:
        projector, predictor, log_variance: What the student's vectors go through.
        teacher: The detector that gives the targets.
        teacher_projector: What its vectors go through.
        loss: Of a prediction, its target and its log-variance.
        sigma_share: 0 holds sigma at 1, 1 lets the log-variances count in full.
    """

    projector: nn.Module
    predictor: nn.Module
    log_variance: nn.Module
    teacher: nn.Module
    teacher_projector: nn.Module
    loss: nn.Module
    sigma_share: float = 0.0

    def __call__(self, student: nn.Module, views: Views) -> tuple[Losses, VectorRecord]:
        reading = views.reading
        targets = self._targets(views, reading)
        projected = self.projector(reading.vectors)
        hidden = self.predictor.hidden(projected)
        view, count = reading.rois[:, 0].long(), len(views.samples) // 2
        ids = torch.cat(
            [sample.gt_instances.ids[i] for sample, i in zip(views.samples, reading.chosen)]
        )
        mine, theirs = same_in_other_view(view, ids, count)
        log_variance = self.log_variance(hidden)[mine, 0] * self.sigma_share
        variance, covariance = variance_covariance(projected)
        prediction = self.predictor.out(hidden)[mine]
        losses = dict(
            vectors=dict(loss_vectors=self.loss(prediction, targets[theirs], log_variance)),
            variance=dict(loss_variance=variance),
            covariance=dict(loss_covariance=covariance),
        )
        return losses, VectorRecord(
            projected.detach(),
            view % count,
            ids,
            mine,
            theirs,
            prediction.detach(),
            targets[theirs],
            log_variance.detach(),
        )

    @torch.no_grad()
    def _targets(self, views: Views, reading: Reading) -> Tensor:
        """(N, D) the teacher's vectors of the regions' own boxes."""
        levels = self.teacher.extract_feat(views.inputs)
        rois = bbox2roi([boxes[i] for boxes, i in zip(views.boxes, reading.chosen)])
        with captured_input(self.teacher.roi_head.bbox_head.fc_cls) as vectors:
            box_forward(self.teacher.roi_head, levels, rois, 0.0)
        return self.teacher_projector(vectors[0])


@dataclass
class MaskTerm:
    """The mask branch, on the regions' segments.

    Attributes:
        jitter: How far the boxes that it reads are moved, in box sides.
    """

    jitter: float

    def __call__(self, student: nn.Module, views: Views) -> tuple[Losses, LevelRecord | None]:
        roi_head, segments = student.roi_head, [sample.segments for sample in views.samples]
        boxes = [
            jitter_boxes(segment.bboxes, self.jitter, meta['img_shape'][:2])
            for segment, meta in zip(segments, views.metas)
        ]
        predicted = roi_head._mask_forward(views.levels, bbox2roi(boxes))['mask_preds']
        if not len(predicted):
            return dict(masks=dict(loss_masks=predicted.sum())), None
        samples = [
            samples_of(b, segment, torch.arange(len(b), device=b.device))
            for b, segment in zip(boxes, segments)
        ]
        made = roi_head.mask_head.loss_and_target(predicted, samples, segments, roi_head.train_cfg)
        loss = made['loss_mask']['loss_mask'].sum()
        return dict(masks=dict(loss_masks=loss)), LevelRecord(
            loss.detach(), constant_bce(made['mask_targets'])
        )


def samples_of(boxes: Tensor, regions: InstanceData, chosen: Tensor) -> SamplingResult:
    """mmdet's record of samples that are all positive: ``boxes`` (k, 4) for the ``chosen`` (k,)
    regions.
    """
    count = len(regions.bboxes)
    assigned = AssignResult(
        count, chosen + 1, boxes.new_ones(len(chosen)), torch.zeros_like(chosen)
    )
    every = torch.arange(len(chosen), device=boxes.device)
    return SamplingResult(
        every,
        every[:0],
        boxes,
        regions.bboxes,
        assigned,
        torch.zeros_like(every, dtype=torch.uint8),
    )


def _objects(boxes: Tensor) -> InstanceData:
    """Boxes (R, 4) of the one class that stands for any object."""
    return InstanceData(
        bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long, device=boxes.device)
    )
