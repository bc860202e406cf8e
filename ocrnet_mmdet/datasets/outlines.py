"""Masks as polygons: which of them can be drawn, in bounded time and memory.

pycocotools draws an outline pixel by pixel, five to each of the picture's, wherever it lies: a
coordinate of 1e9 takes all memory, one of 1e10 ends the process.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

# How far boxes and outlines may reach past their picture, in its longer sides: a tile of a picture
# may keep the whole object, and a picture is hardly cut into more than ten by ten. Beyond it, units
# are wrong.
MARGIN = 10
# Pixels of an object's outline, all its polygons together. One of 10,000 points with 100 px between
# them has as much; drawn, it takes 0.1 s and 100 MB.
LONGEST = 1_000_000
CHUNK = 20_000  # objects whose points are looked at together: 20 MB in COCO


def _is_polygon(points: object) -> bool:
    """A list of finite numbers, as far as its sum tells: large files hold too many for more."""
    try:
        return isinstance(points, list) and math.isfinite(sum(points))
    except (TypeError, OverflowError):
        return False


def are_polygons(segmentation: object) -> bool:
    """Whether mmdet trains on it and pycocotools takes it for polygons; NaN ends its process."""
    return (
        isinstance(segmentation, list)
        and len(segmentation) > 0
        and all(map(_is_polygon, segmentation))
        and len(segmentation[0]) > 4
        and any(len(p) >= 6 and len(p) % 2 == 0 for p in segmentation)
    )


def too_large(outlines: Sequence[list], sizes: np.ndarray) -> np.ndarray:
    """Which outlines reach further than MARGIN past their picture, or are longer than LONGEST.

    Args:
        outlines: N lists of polygons for which :func:`are_polygons` holds.
        sizes: (N, 2) width and height of their pictures.

    Returns:
        (N,) bool.
    """
    parts = [
        _too_large(outlines[i : i + CHUNK], sizes[i : i + CHUNK])
        for i in range(0, len(outlines), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def _too_large(outlines: Sequence[list], sizes: np.ndarray) -> np.ndarray:
    # polygons of fewer than two numbers have no edge
    polygons = [(i, p) for i, polygons in enumerate(outlines) for p in polygons if len(p) > 1]
    owner = np.array([i for i, _ in polygons])
    counts = np.array([len(p) // 2 for _, p in polygons])
    points = np.fromiter(
        itertools.chain.from_iterable(p[: len(p) // 2 * 2] for _, p in polygons),
        float,
        2 * counts.sum(),
    ).reshape(-1, 2)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    before = np.arange(len(points)) - 1
    before[starts] = starts + counts - 1  # an outline is closed
    with np.errstate(over='ignore'):  # infinite is too long
        edges = np.abs(points - points[before]).max(1)
        length = np.bincount(owner, np.add.reduceat(edges, starts), len(outlines))
    margin = MARGIN * sizes.max(1, keepdims=True)[owner]
    least, most = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    far = ((least < -margin) | (most > sizes[owner] + margin)).any(1)
    return (length > LONGEST) | (np.bincount(owner, far, len(outlines)) > 0)


def marks_nothing(polygons: list, height: int, width: int) -> bool:
    """Whether pycocotools' mask of polygons has no pixel in the picture, which no mask matches."""
    return not coco_mask.area(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width)))
