"""The label-free stage: any two-stage detector, its EMA teacher and a sum of loss terms.

Shape shorthand: B images, V = 2B views of a batch (every image's first, then every image's second).
Naming convention: *student* is the detector that the gradient trains, *teacher* its exponential
moving average, the one that is exported.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ..errors import InputError, require
from .own_regions import find_regions, find_segments, relabelled
from .record import StepRecord
from .region_loss import OCRNetRegionLoss
from .slot_checks import check_loss, check_slots, warn_unless_lenient
from .slots import best_proposals, class_agnostic, frozen_copy, untrained_parts
from .term_weights import TERMS, compares_vectors, complete_weights
from .terms import BoxTerm, Loss, MaskTerm, RegionReader, RegionTerm, VectorTerm, Views

MIN_SCORE = 0.5  # of a proposal that is believed


class ViewsPreprocessor(nn.Module):
    """Puts both views of B images into one batch of V for the detector's own preprocessor."""

    def __init__(self, single: nn.Module) -> None:
        super().__init__()
        self.single = single

    def forward(self, data: dict, training: bool = False) -> dict:
        """``data``: as mmengine's pseudo_collate makes it, two views, each a list of B."""
        return self.single(
            {key: [item for view in value for item in view] for key, value in data.items()},
            training,
        )


class VectorHead(nn.Module):
    """Two layers; LayerNorm between them because its result depends on no other region of the
    batch.
    """

    def __init__(self, in_features: int, hidden: int, out_features: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(in_features, hidden), nn.LayerNorm(hidden), nn.GELU())
        self.out = nn.Linear(hidden, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(x))


@MODELS.register_module()
class OCRNetPretrainer(BaseModel):
    """Trains a two-stage detector on regions that were discovered without labels.

    | weights | what the term trains |
    |---|---|
    | ``vectors`` | a region's vector towards the teacher's of the same region in the other view |
    | ``variance``, ``covariance`` | the vectors apart (VICReg, Bardes et al. 2022) |
    | ``regions`` | the region head's own losses; no penalty for what no region covers |
    | ``boxes`` | the box branch: from jittered boxes back to the regions |
    | ``masks`` | the mask branch: the regions' segments |

    The terms are in :mod:`.terms`. One of weight 0 costs nothing; where no vectors are compared, as
    by default, the teacher is not even run.

    While ``own_regions`` is set, the regions of the views are those that a *finder* is confident
    of, a copy of the teacher at one step: a moving one would confirm its own errors.

    The arguments' defaults are those of ``configs/_base_/pretrain.py``.

    Args:
        detector: Config of a ``TwoStageDetector`` with ``rpn_head`` and one box head. Its box and
            mask branches are made class-agnostic, its classifier is not trained.
        weights: Weight of each term; missing ones are those of :data:`.term_weights.TERMS`.
        region_loss: Of the vectors, an ``OCRNetRegionLoss``.
        regions_per_view: Regions of a view that the boxes' and the vectors' term read. With 4, and
            8 images a step, the box branch began to learn after 400 steps instead of 150.
        jitter: How far the student's boxes are moved, in box sides: the first half of a view's by
            the first number, the others by the second.
        hidden_context: Share of a view's regions that the student hides from the others (for RoI
            heads with attention between regions, where a vector could otherwise be read off the
            neighbours).
        vector_size: Length of the vectors that are compared.
        min_score: Of a proposal that no region covers, to be left alone; and of a region that the
            finder finds.
        frozen_parts: Parts of the detector that stay as they were initialised.

    Attributes:
        terms: Those that are on, by their names in :class:`.record.StepRecord`.
        record: Of the last step, for the monitors.
    """

    def __init__(
        self,
        detector: dict,
        weights: dict[str, float] = TERMS,
        region_loss: dict = dict(type='OCRNetRegionLoss'),
        regions_per_view: int = 16,
        jitter: tuple[float, float] = (0.1, 0.25),
        hidden_context: float = 0.4,
        vector_size: int = 128,
        min_score: float = MIN_SCORE,
        frozen_parts: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        require('model.regions_per_view', regions_per_view, int, low=1)
        require('model.hidden_context', hidden_context, low=0, high=1)
        require('model.vector_size', vector_size, int, low=1)
        self.min_score = require('model.min_score', min_score, low=0)
        jitter = require('model.jitter', jitter, low=0, high=1, count=2)
        self.weights = complete_weights(weights)
        check_slots(detector, self.weights, frozen_parts)
        self.region_loss = MODELS.build(dict(type='OCRNetRegionLoss') | dict(region_loss))
        if not self.weights['vectors'] and repr(self.region_loss) != repr(OCRNetRegionLoss()):
            raise InputError(
                "model.region_loss is of the vectors' term, which is off: set "
                'model.weights.vectors=0.1'
            )
        self.student = MODELS.build(class_agnostic(detector))
        check_loss(self.student)
        if self.weights['regions']:
            warn_unless_lenient(self.student.rpn_head)
        self.data_preprocessor = ViewsPreprocessor(self.student.data_preprocessor)
        self._freeze(tuple(frozen_parts))
        self.teacher = frozen_copy(self.student)
        if compares_vectors(self.weights):
            length = self.student.roi_head.bbox_head.fc_cls.in_features
            self.projector = VectorHead(length, 2 * vector_size, vector_size)
            self.teacher_projector = frozen_copy(self.projector)
            self.predictor = VectorHead(vector_size, 2 * vector_size, vector_size)
            self.log_variance = nn.Linear(2 * vector_size, 1)
        self.reader = RegionReader(regions_per_view, jitter, hidden_context)
        self.terms = self._terms()
        self.finder: Any = None  # a module while the regions may become its own
        self.own_regions = False  # the hook's schedule sets it
        self.record: StepRecord | None = None

    def _freeze(self, parts: tuple[str, ...]) -> None:
        """Take no gradient for ``parts`` nor for what no term reaches."""
        self.frozen_parts = parts
        self.untrained = (*parts, *untrained_parts(self.weights, self.student.roi_head))
        for part in self.untrained:
            self.student.get_submodule(part).requires_grad_(False)
        if not any(p.requires_grad for p in self.student.parameters()):
            raise InputError(
                'model.frozen_parts leaves nothing to learn: the terms that are on reach frozen '
                'parts alone'
            )

    def _terms(self) -> dict[str, Any]:
        """Those that are on, in the order in which they draw their random numbers."""
        terms: dict[str, Any] = {}
        weights = self.weights
        if weights['regions']:
            terms['regions'] = RegionTerm(self.min_score)
        if weights['boxes']:
            terms['boxes'] = BoxTerm()
        if compares_vectors(weights):
            terms['vectors'] = VectorTerm(
                self.projector,
                self.predictor,
                self.log_variance,
                self.teacher,
                self.teacher_projector,
                self.region_loss,
            )
        if weights['masks']:
            terms['masks'] = MaskTerm(self.reader.jitter[0])
        return terms

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
        if 'vectors' in self.terms:
            pairs.append((self.teacher_projector, self.projector))
        average = get_ema_multi_avg_fn(momentum)
        for teacher, student in pairs:
            average(list(teacher.parameters()), list(student.parameters()), None)
            for ours, theirs in zip(teacher.buffers(), student.buffers()):
                ours.copy_(theirs)

    def keep_finder(self) -> None:
        """Make room for the finder, in checkpoints too."""
        self.finder = frozen_copy(self.teacher)

    def update_finder(self) -> None:
        """The finder is the teacher as it is now."""
        self.finder.load_state_dict(self.teacher.state_dict())

    def forward(
        self, inputs: Tensor, data_samples: list[DetDataSample], mode: str = 'loss'
    ) -> dict[str, Loss]:
        """The weighted loss terms of V views (V, 3, S, S).

        Raises:
            InputError: Another ``mode`` than ``'loss'``: predicting is the exported detector's
                task.
        """
        if mode != 'loss':
            raise InputError(
                f'OCRNetPretrainer has no mode={mode!r}: it only trains; predict with '
                'the detector that it exports'
            )
        if self.own_regions:
            data_samples = self._own_regions(inputs, data_samples)
        views = Views(
            inputs,
            data_samples,
            self.student.extract_feat(inputs),
            partial(self.reader, self.student),
        )
        losses: dict[str, Loss] = {}
        records: dict[str, Any] = {}
        for name, term in self.terms.items():
            found, records[name] = term(self.student, views)
            for weight, parts in found.items():
                losses |= {key: _scaled(loss, self.weights[weight]) for key, loss in parts.items()}
        self.record = StepRecord(views.boxes, **records)
        return losses

    @torch.no_grad()
    def _own_regions(self, inputs: Tensor, samples: list[DetDataSample]) -> list[DetDataSample]:
        finder, weights, metas = self.finder, self.weights, [s.metainfo for s in samples]
        levels = finder.extract_feat(inputs)
        proposals = best_proposals(finder, finder.rpn_head(levels), metas)
        found = find_regions(finder, levels, proposals, metas, self.min_score, weights['boxes'] > 0)
        segments = [s.segments for s in samples]
        if weights['masks']:
            segments = find_segments(finder, levels, found, metas, metas[0]['segment_count'])
        return relabelled(samples, found, segments)


def pretrainer_of(runner: Runner) -> OCRNetPretrainer:
    """The runner's model.

    Raises:
        InputError: It is another.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    if not isinstance(model, OCRNetPretrainer):
        raise InputError(
            f'OCRNetPretrainHook needs model.type=OCRNetPretrainer, the config has '
            f'{type(model).__name__}: set model.type or drop the hook'
        )
    return model


def _scaled(loss: Loss, weight: float) -> Loss:
    return [value * weight for value in loss] if isinstance(loss, list) else loss * weight
