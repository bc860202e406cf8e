"""The label-free stage: any two-stage detector, its EMA teacher and the loss terms A to E.

Shape shorthand: B pictures, V = 2B views of a batch (every picture's first view, then every
picture's second), N regions read of a batch, D a region vector's length.
Naming convention: *student* is the detector that the gradient trains, *teacher* its exponential
moving average, the one that is exported. *Ids* name a picture's regions, the same in both views.
"""
from __future__ import annotations

import copy

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..errors import InputError, require
from ..models.jitter_sampler import jitter_boxes
from .own_regions import find_regions, find_segments, relabelled
from .region_loss import variance_covariance
from .region_samples import choose_regions, samples_of, uncovered
from .slots import (TERMS, box_forward, captured_input, check_loss, check_slots, class_agnostic,
                    compares_vectors, frozen_copy, untrained_parts, warn_unless_lenient)

MIN_SCORE = 0.5  # of a candidate that is believed
CANDIDATES = 100  # of a view: enough to find the confident ones and for the recall that is watched


class ViewsPreprocessor(nn.Module):
    """Puts both views of B pictures into one batch of V for the detector's own preprocessor."""

    def __init__(self, single: nn.Module) -> None:
        super().__init__()
        self.single = single

    def forward(self, data: dict, training: bool = False) -> dict:
        """``data``: as mmengine's pseudo_collate makes it, a list of two views, each a list of B."""
        return self.single({key: [item for view in value for item in view]
                            for key, value in data.items()}, training)


class VectorHead(nn.Module):
    """Two layers; LayerNorm between them because its result depends on no other region of the batch."""

    def __init__(self, in_features: int, hidden: int, out_features: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(in_features, hidden), nn.LayerNorm(hidden), nn.GELU())
        self.out = nn.Linear(hidden, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(x))


@MODELS.register_module()
class OCRNetPretrainer(BaseModel):
    """Trains a two-stage detector on regions that were discovered without labels.

    | term | weight's name | what it trains |
    |---|---|---|
    | A | ``vector`` | a region's vector towards the teacher's of the same region in the other view |
    | B | ``variance``, ``covariance`` | the vectors apart (VICReg, Bardes et al. 2022) |
    | C | ``regions`` | the region head's own losses; no penalty for what no region covers |
    | D | ``boxes`` | the box branch: from jittered boxes back to the regions |
    | E | ``masks`` | the mask branch: the regions' segments |

    A region's vector is what the RoI head's classifier reads. A term of weight 0 costs nothing; without
    A and B, as by default, the teacher is not even run.

    While ``own_regions`` is set, the regions of the views are those that a *finder* is confident of, a copy
    of the teacher at one step: a moving one would confirm its own errors.

    Args:
        detector: Config of a ``TwoStageDetector`` with ``rpn_head`` and one box head. Its box and mask
            branches are made class-agnostic, its classifier is not trained.
        weights: Weight of each term; missing ones are those of ``TERMS``.
        region_loss: Term A.
        regions_per_view: Regions of a view that A and D read. With 4, and 8 pictures a step, the box branch began
            to learn after 400 steps instead of 150.
        jitter: How far the student's boxes are moved, in box sides: the first half of a view's by the
            first number, the others by the second.
        hidden_context: Share of a view's regions that the student hides from the others (for RoI heads
            with attention between regions, where A could otherwise be read off the neighbours).
        vector_size: Length of the vectors that A and B compare.
        min_score: Of a candidate that no region covers, to be left alone; and of a region that the finder
            finds.
        frozen_parts: Parts of the detector that stay as they were initialised.
    """

    def __init__(self,
                 detector: dict,
                 weights: dict[str, float] = dict(),
                 region_loss: dict = dict(),
                 regions_per_view: int = 16,
                 jitter: tuple[float, float] = (0.1, 0.25),
                 hidden_context: float = 0.4,
                 vector_size: int = 128,
                 min_score: float = MIN_SCORE,
                 frozen_parts: tuple[str, ...] = ()) -> None:
        super().__init__()
        require('model.regions_per_view', regions_per_view, int, low=1)
        require('model.hidden_context', hidden_context, low=0, high=1)
        require('model.vector_size', vector_size, int, low=1)
        require('model.min_score', min_score, low=0)
        if not isinstance(weights, dict):
            raise InputError(f'model.weights is {weights!r}: give each term its own, '
                             'model.weights.boxes=0.1')
        self.weights = TERMS | dict(weights)
        check_slots(detector, self.weights, frozen_parts)
        if region_loss and not self.weights['vector']:
            raise InputError('model.region_loss is term A\'s, which is off: set model.weights.vector=0.1')
        self.compares_vectors = compares_vectors(self.weights)
        self.student = MODELS.build(class_agnostic(detector))
        check_loss(self.student)
        if self.weights['regions']:
            warn_unless_lenient(self.student.rpn_head)
        self.data_preprocessor = ViewsPreprocessor(self.student.data_preprocessor)
        self.frozen_parts = tuple(frozen_parts)
        self.untrained = (*self.frozen_parts, *untrained_parts(self.weights, self.student.roi_head))
        for part in self.untrained:
            self.student.get_submodule(part).requires_grad_(False)
        if not any(p.requires_grad for p in self.student.parameters()):
            raise InputError('model.frozen_parts leaves nothing to learn: the terms that are on reach frozen parts alone')
        self.teacher = frozen_copy(self.student)
        self.region_loss = MODELS.build(dict(type='OCRNetRegionLoss') | dict(region_loss))
        self.regions_per_view = regions_per_view
        self.jitter = require('model.jitter', jitter, low=0, high=1, count=2)
        self.hidden_context = hidden_context
        self.min_score = min_score
        if self.compares_vectors:
            length = self.student.roi_head.bbox_head.fc_cls.in_features
            self.projector = VectorHead(length, 2 * vector_size, vector_size)
            self.teacher_projector = frozen_copy(self.projector)
            self.predictor = VectorHead(vector_size, 2 * vector_size, vector_size)
            self.log_variance = nn.Linear(2 * vector_size, 1)
        self.finder: nn.Module | None = None
        self.own_regions = False  # the hook's schedules set it, and sigma_share from 0 to 1
        self.sigma_share = 0.0
        self.seen: dict[str, object] = {}  # of the last step, for the hook's monitors

    def init_weights(self) -> None:
        super().init_weights()
        self.teacher.load_state_dict(self.student.state_dict())

    def _dump_init_info(self) -> None:
        """mmengine's three log lines for every weight, the teacher's too, are left out."""

    def train(self, mode: bool = True) -> OCRNetPretrainer:
        super().train(mode)
        for frozen in filter(None, (self.teacher, self.finder)):
            frozen.eval()
        for part in self.frozen_parts:  # their norm statistics too
            self.student.get_submodule(part).eval()
        return self

    @torch.no_grad()
    def update_teacher(self, momentum: float) -> None:
        """teacher = momentum * teacher + (1 - momentum) * student; norm statistics are copied."""
        pairs = [(self.teacher, self.student)]
        if self.compares_vectors:
            pairs.append((self.teacher_projector, self.projector))
        for teacher, student in pairs:
            torch._foreach_lerp_(list(teacher.parameters()), list(student.parameters()),
                                 1 - momentum)
            for ours, theirs in zip(teacher.buffers(), student.buffers()):
                ours.copy_(theirs)

    def keep_finder(self) -> None:
        """Make room for the finder, in checkpoints too."""
        self.finder = frozen_copy(self.teacher)

    def update_finder(self) -> None:
        """The finder is the teacher as it is now."""
        self.finder.load_state_dict(self.teacher.state_dict())

    def forward(self, inputs: Tensor, data_samples: list[DetDataSample],
                mode: str = 'loss') -> dict[str, Tensor]:
        """The weighted loss terms of V views (V, 3, S, S).

        Raises:
            InputError: Another ``mode`` than ``'loss'``: predicting is the exported detector's task.
        """
        if mode != 'loss':
            raise InputError(f'OCRNetPretrainer has no mode={mode!r}: it only trains; predict with '
                             'the detector that it exports')
        weights, self.seen = self.weights, {}
        if self.own_regions:
            data_samples = self._own_regions(inputs, data_samples)
        self.seen['regions'] = [s.gt_instances.bboxes for s in data_samples]
        levels = self.student.extract_feat(inputs)
        losses = {}
        if weights['regions']:
            losses.update(self._region_losses(levels, data_samples))
        if weights['boxes'] or self.compares_vectors:
            teacher_levels = self._teacher_levels(inputs) if self.compares_vectors else None
            losses.update(self._vector_and_box_losses(levels, teacher_levels, data_samples))
        if weights['masks']:
            losses.update(self._mask_loss(levels, data_samples))
        return losses

    @torch.no_grad()
    def _teacher_levels(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return self.teacher.extract_feat(inputs)

    @torch.no_grad()
    def _own_regions(self, inputs: Tensor, samples: list[DetDataSample]) -> list[DetDataSample]:
        finder, weights, metas = self.finder, self.weights, [s.metainfo for s in samples]
        levels = finder.extract_feat(inputs)
        candidates = self._candidates(finder, finder.rpn_head(levels), metas)
        found = find_regions(finder, levels, candidates, metas, self.min_score, weights['boxes'] > 0)
        segments = [s.segments for s in samples]
        if weights['masks']:
            segments = find_segments(finder, levels, found, metas, metas[0]['segment_count'])
        return relabelled(samples, found, segments)

    # C
    def _region_losses(self, levels: tuple[Tensor, ...], samples: list[DetDataSample]) -> dict:
        head, metas = self.student.rpn_head, [s.metainfo for s in samples]
        boxes = [s.gt_instances.bboxes for s in samples]
        outputs = head(levels)
        with torch.no_grad():
            candidates = self._candidates(self.student, outputs, metas)
            left_alone = [uncovered(c, b, self.min_score) for c, b in zip(candidates, boxes)]
        self.seen['candidates'] = [c.bboxes for c in candidates]
        losses = head.loss_by_feat(*outputs, [_objects(b) for b in boxes], metas,
                                   [_objects(b) for b in left_alone])
        weight = self.weights['regions']
        return {(name if 'rpn' in name else f'rpn_{name}'):
                ([v * weight for v in value] if isinstance(value, list) else value * weight)
                for name, value in losses.items()}

    @staticmethod
    def _candidates(detector: nn.Module, outputs: tuple, metas: list[dict]) -> list[InstanceData]:
        cfg = copy.copy(detector.train_cfg.rpn_proposal)
        cfg.update(nms_pre=CANDIDATES, max_per_img=CANDIDATES)
        return detector.rpn_head.predict_by_feat(
            *[[level.detach() for level in output] for output in outputs], batch_img_metas=metas,
            cfg=cfg, rescale=False)

    # A, B, D
    def _vector_and_box_losses(self, levels: tuple[Tensor, ...],
                               teacher_levels: tuple[Tensor, ...] | None,
                               samples: list[DetDataSample]) -> dict:
        regions = [s.gt_instances for s in samples]
        half = len(regions) // 2
        pairs = [choose_regions(a.ids, b.ids, self.regions_per_view)
                 for a, b in zip(regions[:half], regions[half:])]
        chosen = [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
        boxes = [self._jittered(r.bboxes[i], s) for r, i, s in zip(regions, chosen, samples)]
        found = [samples_of(*row) for row in zip(boxes, regions, chosen)]
        rois = bbox2roi(boxes)
        with captured_input(self.student.roi_head.bbox_head.fc_cls) as vectors:
            results = box_forward(self.student.roi_head, levels, rois, self.hidden_context)
        losses = self._box_loss(results, rois, found) if self.weights['boxes'] else {}
        if self.compares_vectors:
            exact = bbox2roi([r.bboxes[i] for r, i in zip(regions, chosen)])
            keys = torch.cat([r.ids[i] for r, i in zip(regions, chosen)])
            losses.update(self._vector_losses(vectors[0], teacher_levels, exact, keys, half))
        return losses

    def _jittered(self, boxes: Tensor, sample: DetDataSample) -> Tensor:
        middle = (len(boxes) + 1) // 2
        size = sample.metainfo['img_shape'][:2]
        return torch.cat([jitter_boxes(part, amount, size) for part, amount in
                          zip((boxes[:middle], boxes[middle:]), self.jitter)])

    def _box_loss(self, results: dict, rois: Tensor, found: list) -> dict:
        head, cfg = self.student.roi_head.bbox_head, self.student.roi_head.train_cfg
        made = head.loss_and_target(None, results['bbox_pred'], rois, found, cfg)
        with torch.no_grad():  # the loss of predicting the targets' mean: symmetric jitter's is 0
            unmoved = head.loss(None, torch.zeros_like(results['bbox_pred']), rois, *made['bbox_targets'])
        weight = self.weights['boxes']
        self.seen['box_level'] = (made['loss_bbox']['loss_bbox'].detach(), unmoved['loss_bbox'])
        return dict(loss_boxes=made['loss_bbox']['loss_bbox'] * weight)

    def _vector_losses(self, vectors: Tensor, teacher_levels: tuple[Tensor, ...], rois: Tensor,
                       ids: Tensor, half: int) -> dict:
        """``rois`` (N, 5) are the unmoved boxes of the regions whose student vectors are (N, ...)."""
        with torch.no_grad(), captured_input(self.teacher.roi_head.bbox_head.fc_cls) as seen:
            box_forward(self.teacher.roi_head, teacher_levels, rois, 0.0)
            targets = self.teacher_projector(seen[0])
        projected = self.projector(vectors)
        hidden = self.predictor.hidden(projected)
        view = rois[:, 0].long()
        same = (view[:, None] % half == view % half) & (ids[:, None] == ids) & (
            view[:, None] != view)
        mine, theirs = same.nonzero(as_tuple=True)
        s = self.log_variance(hidden)[mine, 0] * self.sigma_share
        variance, covariance = variance_covariance(projected)
        prediction = self.predictor.out(hidden)[mine]
        self.seen.update(vectors=projected.detach(), pictures=view % half, ids=ids, log_variance=s.detach(),
                         prediction=prediction.detach(), target=targets[theirs],
                         pair=(projected.detach()[mine], projected.detach()[theirs]))
        weights = self.weights
        return dict(loss_vector=self.region_loss(prediction, targets[theirs], s) * weights['vector'],
                    loss_variance=variance * weights['variance'],
                    loss_covariance=covariance * weights['covariance'])

    # E
    def _mask_loss(self, levels: tuple[Tensor, ...], samples: list[DetDataSample]) -> dict:
        roi_head = self.student.roi_head
        segments = [s.segments for s in samples]
        boxes = [jitter_boxes(s.segments.bboxes, self.jitter[0], s.metainfo['img_shape'][:2]) for s in samples]
        predicted = roi_head._mask_forward(levels, bbox2roi(boxes))['mask_preds']
        if not len(predicted):
            return dict(loss_masks=predicted.sum())
        made = roi_head.mask_head.loss_and_target(
            predicted, [samples_of(b, s, torch.arange(len(b), device=b.device)) for b, s in zip(boxes, segments)],
            segments, roi_head.train_cfg)
        self.seen['mask_level'] = (made['loss_mask']['loss_mask'].detach(), made['mask_targets'])
        return dict(loss_masks=made['loss_mask']['loss_mask'].sum() * self.weights['masks'])


def _objects(boxes: Tensor) -> InstanceData:
    """Boxes (R, 4) of the one class that stands for any object."""
    return InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long,
                                                         device=boxes.device))
