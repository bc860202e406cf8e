"""What was found in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .crops import Crop, Masks, from_run_lengths, run_lengths


@dataclass
class Found:
    """The N objects of one picture, best first.

    Attributes:
        name: Of the picture.
        height: Of the picture as it is shown (upright), pixels; likewise ``width``.
        boxes: (N, 4) float32 xyxy, pixels of the picture.
        scores: (N,) float32, 0 to 1.
        labels: (N,) int64, places in the detector's classes.
        names: The N objects' classes by name.
        crops: Of the N masks, None where the detector has none.
    """

    name: str
    height: int
    width: int
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    names: list[str]
    crops: list[Crop] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def masks(self) -> Masks | None:
        """N masks (H, W) bool, each made when it is asked for; None where there are none."""
        return None if self.crops is None else Masks(self.crops, self.height, self.width)

    def record(self) -> dict:
        """All of it as JSON takes it; coordinates to 1/10,000 px."""
        masks = (
            None
            if self.crops is None
            else [run_lengths(crop, self.height, self.width) for crop in self.crops]
        )
        return dict(
            name=self.name,
            height=self.height,
            width=self.width,
            boxes=[[round(float(side), 4) for side in box] for box in self.boxes],
            scores=[round(float(score), 6) for score in self.scores],
            labels=self.labels.tolist(),
            masks=masks,
        )

    @classmethod
    def of_record(cls, record: dict, classes: tuple[str, ...]) -> Found:
        """What :meth:`record` gave, with the detector's classes."""
        masks = record['masks']
        return cls(
            record['name'],
            record['height'],
            record['width'],
            np.array(record['boxes'], np.float32).reshape(-1, 4),
            np.array(record['scores'], np.float32),
            np.array(record['labels'], np.int64),
            [classes[label] for label in record['labels']],
            None if masks is None else [from_run_lengths(mask) for mask in masks],
        )
