"""Whether the box and the mask of an object lie on each other, and how they were written if not.

N objects whose segmentations obey the rules of mask_rules.py; boxes are xywh in pixels of the
picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pycocotools import mask as coco_mask

from .run_lengths import runs_of

LEAST_IOU = 0.3  # of the box and the mask's own: people draw boxes with room, but hardly so much
SLACK = 2.0  # pixels by which sides may differ whatever the IoU: small objects are rounded
TRIED = 100  # objects that are read in other ways: run lengths are decoded for it


def mask_boxes(segmentations: Sequence, sizes: np.ndarray) -> np.ndarray:
    """(N, 4) float64 around each mask; NaN of what has none.

    Args:
        segmentations: Polygons, run lengths, or what stands for none.
        sizes: (N, 2) width and height of the pictures.
    """
    return np.array(
        [_mask_box(mask, *size) for mask, size in zip(segmentations, sizes.astype(int).tolist())],
        float,
    ).reshape(-1, 4)


def _mask_box(mask: list | dict | None, width: int, height: int) -> Sequence[float]:
    if not mask:
        return [np.nan] * 4
    if isinstance(mask, dict):
        if isinstance(mask['counts'], list):
            mask = coco_mask.frPyObjects(mask, height, width)
        return coco_mask.toBbox(mask)
    points = np.concatenate([p[: len(p) // 2 * 2] for p in mask]).reshape(-1, 2)
    return [*points.min(0), *np.ptp(points, 0)]


def apart(boxes: np.ndarray, masks: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(N,) bool: box and mask do not lie on each other.

    Args:
        boxes: (N, 4); ``masks``: (N, 4) of :func:`mask_boxes`, NaN is not apart.
        sizes: (N, 2) of the pictures, past which neither counts.
    """
    first, second = (np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], 1) for b in (boxes, masks))
    edge = np.concatenate([sizes, sizes], 1)
    first, second = first.clip(0, edge), second.clip(0, edge)
    sides = np.minimum(first, second)[:, 2:] - np.maximum(first, second)[:, :2]
    both = sides.clip(0).prod(1)
    areas = [(b[:, 2:] - b[:, :2]).clip(0).prod(1) for b in (first, second)]
    with np.errstate(invalid='ignore'):
        near = (np.abs(first - second) <= SLACK).all(1)
        return (both < LEAST_IOU * (areas[0] + areas[1] - both)) & ~near


def _swapped(mask: np.ndarray, *_: object) -> np.ndarray:
    return mask[[1, 0, 3, 2]]


def _from_below(mask: np.ndarray, size: np.ndarray, _: object) -> np.ndarray:
    return np.array([mask[0], size[1] - mask[1] - mask[3], mask[2], mask[3]])


def _from_middle(mask: np.ndarray, *_: object) -> np.ndarray:
    """Where the mask's box would be if it were read as a box is that has its middle for x and y."""
    return np.array([*(mask[:2] + mask[2:] / 2), *mask[2:]])


def _row_by_row(mask: np.ndarray, size: np.ndarray, segmentation: object) -> np.ndarray:
    runs = runs_of(segmentation.get('counts')) if isinstance(segmentation, dict) else None
    if runs is None:
        return mask
    width, height = size.astype(int)
    drawn = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width)
    return coco_mask.toBbox(coco_mask.encode(np.asfortranarray(drawn, np.uint8)))


READINGS: dict[str, Callable[..., np.ndarray]] = {
    'with x and y of one of the two swapped': _swapped,
    'with y of one of the two measured from the lower edge': _from_below,
    'with x and y of the boxes as their middles': _from_middle,
    'with run lengths that go row by row, not column by column': _row_by_row,
}


def reading_that_fits(
    boxes: np.ndarray, masks: np.ndarray, sizes: np.ndarray, segmentations: Sequence
) -> str | None:
    """The way of READINGS in which boxes and masks of (nearly) all objects lie on each other.

    Args:
        boxes, masks, sizes: Of the objects that are apart.
        segmentations: Theirs.
    """
    tried = np.unique(np.linspace(0, len(boxes) - 1, TRIED).astype(int))
    for name, read in READINGS.items():
        other = np.array([read(masks[i], sizes[i], segmentations[i]) for i in tried], float)
        if apart(boxes[tried], other, sizes[tried]).mean() <= 0.05:  # a label may be wrong besides
            return name
    return None
