"""What the monitors may read of a step, and what they make of it.

Shape shorthand: V = 2B views of a batch, R regions and M proposals of one view, N regions read of a
batch, P of them that the image's other view shows too, D a region vector's length. All tensors are
detached.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import monitors
from .region_loss import squared_residual


@dataclass(frozen=True)
class RegionRecord:
    """Of the regions' term.

    Attributes:
        proposals: V of (M, 4) xyxy, pixels of the view, best first.
    """

    proposals: list[Tensor]


@dataclass(frozen=True)
class LevelRecord:
    """Of the boxes' or the masks' term, both scalars.

    Attributes:
        loss: Unweighted.
        constant: What the best constant prediction would have had.
    """

    loss: Tensor
    constant: Tensor

    def ratio(self) -> float:
        """Loss over constant, NaN where that is 0."""
        return float(self.loss) / float(self.constant) if self.constant else float('nan')


@dataclass(frozen=True)
class VectorRecord:
    """Of the vectors' term.

    Attributes:
        vectors: (N, D) the student's.
        images: (N,) number of each one's image.
        ids: (N,) of the regions, see :mod:`.targets`.
        mine, theirs: (P,) positions among the N of the regions that are compared, and of the same
            in the other view.
        prediction: (P, D) what the student predicts of ``target``.
        target: (P, D) the teacher's vectors.
        log_variance: (P,).
    """

    vectors: Tensor
    images: Tensor
    ids: Tensor
    mine: Tensor
    theirs: Tensor
    prediction: Tensor
    target: Tensor
    log_variance: Tensor

    def measures(self) -> dict[str, Tensor]:
        """Scalars by their names in the log."""
        places = self.vectors, self.images, self.ids
        near, near_by_chance = monitors.same_image_share(*places)
        found, found_by_chance = monitors.retrieval(*places)
        return dict(
            spread=monitors.spread(self.vectors),
            effective_rank=monitors.effective_rank(self.vectors),
            rank_share=monitors.rank_share(self.vectors),
            alignment=monitors.alignment(self.vectors[self.mine], self.vectors[self.theirs]),
            uniformity=monitors.uniformity(self.vectors),
            same_image=near,
            same_image_chance=near_by_chance,
            retrieval=found,
            retrieval_chance=found_by_chance,
            variance_calibration=monitors.variance_calibration(
                self.log_variance, squared_residual(self.prediction, self.target)
            ),
        )


@dataclass(frozen=True)
class StepRecord:
    """Of a step; None of a term that is off or had nothing to read.

    Attributes:
        found: V of (R, 4) xyxy, the views' regions.
    """

    found: list[Tensor]
    regions: RegionRecord | None = None
    boxes: LevelRecord | None = None
    vectors: VectorRecord | None = None
    masks: LevelRecord | None = None

    def levels(self) -> dict[str, LevelRecord]:
        """The losses that have a constant's level, by their names in the log."""
        levels = dict(box_level=self.boxes, mask_level=self.masks)
        return {name: level for name, level in levels.items() if level}

    def measures(self) -> dict[str, Tensor]:
        """Scalars by their names in the log."""
        values = dict(regions=torch.tensor(sum(map(len, self.found)) / len(self.found)))
        if self.regions:
            values['proposal_recall'] = monitors.proposal_recall(self.regions.proposals, self.found)
        values |= {
            f'{name}_ratio': torch.tensor(level.ratio()) for name, level in self.levels().items()
        }
        return values | (self.vectors.measures() if self.vectors else {})
