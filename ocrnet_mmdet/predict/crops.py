"""Masks of objects, each kept as the part of its picture that holds it.

A thousand full masks of a picture of 4000 x 4000 px take 16 GB; their crops, of 40 px, 2 MB.
Plain numpy: run lengths are COCO's, column by column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..datasets.run_lengths import decode_counts

SMOOTH = 0.5  # pixels that a polygon may leave its mask's outline by


@dataclass
class Crop:
    """The smallest part of a mask that holds all its pixels.

    Attributes:
        x: Its left column in the picture, pixels; likewise ``y``, its top row.
        bits: (h, w) bool; of an empty mask (0, 0).
    """

    x: int
    y: int
    bits: np.ndarray

    def moved(self, x: int, y: int) -> Crop:
        """The same mask, in a picture of which this one's is a part that begins at (x, y)."""
        return Crop(self.x + x, self.y + y, self.bits)


class Masks(Sequence):
    """The masks of one picture as (H, W) bool, each made when it is asked for.

    Args:
        crops: Of the objects.
        height: Of the picture, pixels; likewise ``width``.
    """

    def __init__(self, crops: list[Crop], height: int, width: int) -> None:
        self.crops, self.height, self.width = crops, height, width

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Masks(self.crops[i], self.height, self.width)
        crop = self.crops[i]
        full = np.zeros((self.height, self.width), bool)
        h, w = crop.bits.shape
        full[crop.y : crop.y + h, crop.x : crop.x + w] = crop.bits
        return full


def crop_of(mask: np.ndarray) -> Crop:
    """The crop of a mask (H, W) bool; a copy, so that the mask can go."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not len(rows):
        return Crop(0, 0, np.zeros((0, 0), bool))
    x, y = int(columns[0]), int(rows[0])
    return Crop(x, y, mask[y : rows[-1] + 1, x : columns[-1] + 1].copy())


def union(crops: list[Crop]) -> Crop:
    """The mask of all pixels of several masks of one picture."""
    filled = [crop for crop in crops if crop.bits.size]
    if not filled:
        return crops[0]
    x, y = min(c.x for c in filled), min(c.y for c in filled)
    right = max(c.x + c.bits.shape[1] for c in filled)
    bottom = max(c.y + c.bits.shape[0] for c in filled)
    bits = np.zeros((bottom - y, right - x), bool)
    for c in filled:
        h, w = c.bits.shape
        bits[c.y - y : c.y - y + h, c.x - x : c.x - x + w] |= c.bits
    return Crop(x, y, bits)


def run_lengths(crop: Crop, height: int, width: int) -> dict:
    """COCO's compressed run lengths of the whole picture's mask, which is never made.

    Returns:
        ``dict(size=[height, width], counts=str)``.
    """
    # a column of the crop and the empty pixel below it, so that no run goes on in the next column
    closed = np.pad(crop.bits, ((0, 1), (0, 0))).T.ravel().astype(np.int8)
    steps = np.diff(closed, prepend=0)
    column, row = np.divmod(np.flatnonzero(steps), crop.bits.shape[0] + 1)
    edges = (crop.x + column) * height + crop.y + row  # start, end, start, end ...
    # where a run ends at the picture's lower edge and the next begins at its upper one, both go
    same = np.flatnonzero(edges[1:-1:2] == edges[2::2]) if len(edges) else edges
    edges = np.delete(edges, np.concatenate([2 * same + 1, 2 * same + 2]).astype(int))
    counts = np.diff(np.concatenate([[0], edges, [height * width]])).tolist()
    counts = counts[:-1] if counts[-1] == 0 else counts
    packed = coco_mask.frPyObjects(dict(size=[height, width], counts=counts), height, width)
    return dict(size=[height, width], counts=packed['counts'].decode())


def from_run_lengths(segmentation: dict) -> Crop:
    """The crop of run lengths as :func:`run_lengths` writes them."""
    height = segmentation['size'][0]
    runs = decode_counts(segmentation['counts'])
    if runs is None:
        raise ValueError('the run lengths of a mask are damaged')
    edges = np.cumsum(runs)
    starts, ends = edges[0 : len(edges) - 1 : 2], edges[1::2]
    if not len(starts):
        return Crop(0, 0, np.zeros((0, 0), bool))
    left, right = int(starts[0]) // height, int(ends[-1] - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, np.int8)
    steps[starts - left * height] += 1
    steps[ends - left * height] -= 1
    bits = np.cumsum(steps[:-1], dtype=np.int8).reshape(-1, height).T.astype(bool)
    return crop_of(bits).moved(left, 0)


def polygons(crop: Crop) -> Iterator[np.ndarray]:
    """The outlines of a mask's connected parts, along the pixels' edges; holes are filled.

    Yields:
        (K, 2) x and y in the picture, K >= 3; a pixel reaches from its number to the next.
    """
    # doubled, an even coordinate is a pixel's left or upper side and an odd one its right or lower
    double = crop.bits.repeat(2, 0).repeat(2, 1).astype(np.uint8)
    if not double.size:
        return
    outlines, _ = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        edges = ((outline + outline % 2) / 2).astype(np.float32)
        points = cv2.approxPolyDP(edges, SMOOTH, True)[:, 0]
        if len(points) >= 3:
            yield points + np.array([crop.x, crop.y], np.float32)
