"""Boxes that no picture was asked for: what recall is compared with."""

from __future__ import annotations

import numpy as np

from ..pretraining.regions import Regions, working_shape


def grid_regions(shape: tuple[int, int], count: int) -> Regions:
    """The first ``count`` boxes of half-overlapping grids, from 1 x 1 over 2 x 2 to finer ones.

    Args:
        shape: (H, W) of the picture.
    """
    boxes: list = []
    k = 1
    while len(boxes) < count:
        starts = np.arange(k) / (k + 1)
        boxes += [(x, y, x + 2 / (k + 1), y + 2 / (k + 1)) for y in starts for x in starts]
        k += 1
    return _of_boxes(np.array(boxes[:count]).reshape(-1, 4), shape)


def random_regions(
    shape: tuple[int, int], count: int, rng: np.random.Generator, like: Regions | None = None
) -> Regions:
    """``count`` boxes at random places.

    Args:
        shape: (H, W) of the picture.
        like: Regions whose widths and heights, as shares of their picture, the boxes take over in
            their order, repeated where they are too few. Without one (or where it is empty) sides
            between 0.1 and 0.9 of the picture's and aspects between 1/3 and 3 are drawn.
    """
    if like:
        sides = (like.boxes[:, 2:] - like.boxes[:, :2]) / like.shape[::-1]
        sides = sides[np.arange(count) % len(sides)]
    else:
        side = rng.uniform(0.1, 0.9, count)
        aspect = 3.0 ** rng.uniform(-1, 1, count)
        sides = np.stack([side * aspect**0.5, side * aspect**-0.5], axis=1).clip(max=1)
    corners = rng.uniform(0, 1, (count, 2)) * (1 - sides)
    return _of_boxes(np.concatenate([corners, corners + sides], axis=1), shape)


def _of_boxes(boxes: np.ndarray, shape: tuple[int, int]) -> Regions:
    """Regions that fill boxes (R, 4), given as shares of the picture, to whole working pixels."""
    h, w = working_shape(shape)
    x1, y1 = np.minimum((boxes[:, :2] * (w, h)).round(), (w - 1, h - 1)).T
    x2, y2 = (boxes[:, 2:] * (w, h)).round().T
    x2, y2 = np.maximum(x2, x1 + 1), np.maximum(y2, y1 + 1)
    rows, columns = np.arange(h)[:, None], np.arange(w)
    segments = (
        (rows >= y1[:, None, None])
        & (rows < y2[:, None, None])
        & (columns >= x1[:, None, None])
        & (columns < x2[:, None, None])
    )
    return Regions.of_segments(segments, np.full(len(boxes), 255), shape)
