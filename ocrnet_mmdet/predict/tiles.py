"""A large picture in tiles that overlap, and what was found in them put together again.

Shape shorthand: T tiles of a picture, N objects found in all of them. Plain numpy.

Two tiles both see what lies in their common part. Objects of two tiles are one if they agree there:
if the parts of their boxes that lie in it have an IoU of at least ``SAME``. This is the usual IoU
for two whole objects, and holds as well for an object that is whole in one tile and cut by the
other's border, and for the two halves of one that no tile holds whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .crops import Crop, union

SAME = 0.5
COVERED = 0.5  # share of a cut object's box from which on it is a part of one that covers it
EDGE = 0.01  # of a tile's side: a box that ends so near to a border inside the picture is cut there


def tile_boxes(height: int, width: int, side: int, overlap: float) -> np.ndarray:
    """Tiles that cover a picture, row by row.

    They are spread evenly, so that the overlap is ``overlap`` at least and no tile is narrower than
    the others.

    Args:
        side: Of a tile, pixels; a picture that is shorter has shorter ones.
        overlap: Of neighbours, a share of ``side`` below 1.

    Returns:
        (T, 4) int xyxy.
    """
    rows, columns = (_spread(length, side, overlap) for length in (height, width))
    return np.array(
        [(x, y, min(x + side, width), min(y + side, height)) for y in rows for x in columns]
    )


def _spread(length: int, side: int, overlap: float) -> list[int]:
    """Where tiles begin along one side of a picture."""
    free = length - side
    if free <= 0:
        return [0]
    steps = math.ceil(free / max(1, math.floor(side * (1 - overlap))))
    return [round(i * free / steps) for i in range(steps + 1)]


@dataclass
class Pieces:
    """What was found in the tiles of one picture, in the picture's pixels.

    Attributes:
        boxes: (N, 4) xyxy.
        scores: (N,).
        labels: (N,).
        tiles: (N,) the number of each object's tile.
        crops: N masks, or None.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    tiles: np.ndarray
    crops: list[Crop] | None


def merge(pieces: Pieces, tiles: np.ndarray, height: int, width: int) -> Pieces:
    """Every object once, best first: whole where a tile has it whole, else its parts joined.

    Args:
        tiles: (T, 4) as of :func:`tile_boxes`.
        height: Of the picture; likewise ``width``.
    """
    cut = _is_cut(pieces.boxes, tiles[pieces.tiles], height, width)
    groups = _groups(pieces, tiles, cut)
    # of each the best that is whole, else all of it
    parts = [[i for i in group if not cut[i]][:1] or group for group in groups]
    best = np.array([part[0] for part in parts], int)
    boxes = np.array(
        [[*pieces.boxes[part, :2].min(0), *pieces.boxes[part, 2:].max(0)] for part in parts],
        np.float32,
    ).reshape(-1, 4)
    alone = cut[best] & np.array([len(group) == 1 for group in groups], bool)
    covered = _is_covered(boxes, pieces.tiles[best], alone)
    kept = np.flatnonzero(~covered)
    kept = kept[np.argsort(-pieces.scores[best[kept]], kind='stable')]
    crops = pieces.crops
    return Pieces(
        boxes[kept],
        pieces.scores[best[kept]],
        pieces.labels[best[kept]],
        pieces.tiles[best[kept]],
        None if crops is None else [union([crops[i] for i in parts[k]]) for k in kept],
    )


def _is_cut(boxes: np.ndarray, tiles: np.ndarray, height: int, width: int) -> np.ndarray:
    """(N,) whether each box ends at a border of its tile that is none of the picture's."""
    margin = EDGE * (tiles[:, 2:] - tiles[:, :2])
    before = (boxes[:, :2] <= tiles[:, :2] + margin) & (tiles[:, :2] > 0)
    after = (boxes[:, 2:] >= tiles[:, 2:] - margin) & (tiles[:, 2:] < [width, height])
    return (before | after).any(1)


def _groups(pieces: Pieces, tiles: np.ndarray, cut: np.ndarray) -> list[list[int]]:
    """The objects that are one, whole and better ones first; of each tile one at most."""
    order = np.lexsort((-pieces.scores, cut))
    group_of = np.full(len(order), -1)
    groups: dict[int, list[int]] = {}
    for place, i in enumerate(order):
        earlier = order[:place]
        earlier = earlier[pieces.labels[earlier] == pieces.labels[i]]
        alike = _agreement(pieces, tiles, i, earlier)
        mine = [int(i)]
        for j in np.argsort(-alike, kind='stable'):
            if alike[j] < SAME:
                break
            theirs = groups.get(group_of[earlier[j]], [])
            if theirs is not mine and not {*pieces.tiles[theirs]} & {*pieces.tiles[mine]}:
                del groups[group_of[earlier[j]]]
                mine = theirs + mine
                group_of[mine] = place
                groups[place] = mine
        group_of[mine] = place
        groups[place] = mine
    ranks = {int(i): place for place, i in enumerate(order)}
    return [sorted(group, key=ranks.__getitem__) for group in groups.values()]


def _agreement(pieces: Pieces, tiles: np.ndarray, i: int, others: np.ndarray) -> np.ndarray:
    """(M,) IoU of object ``i`` with others (M,) of other tiles, in what their tiles share."""
    first, second = tiles[pieces.tiles[i]], tiles[pieces.tiles[others]]
    common = _intersection(first[None], second)
    one = _intersection(pieces.boxes[i][None], common)
    two = _intersection(pieces.boxes[others], common)
    both = _area(_intersection(one, two))
    iou = both / np.maximum(_area(one) + _area(two) - both, 1e-9)
    return np.where(pieces.tiles[others] == pieces.tiles[i], 0, iou)


def _is_covered(boxes: np.ndarray, tiles: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """(N,) which cut objects, ``alone`` (N,) without one that agrees, are parts of one that is not.

    That one is of another of the ``tiles`` (N,), which sees more of it. A cut object smaller than
    the overlap is whole in another tile, and found there.
    """
    covered = np.zeros(len(boxes), bool)
    for i in np.flatnonzero(alone):
        over = ~alone & (tiles != tiles[i])
        shared = _area(_intersection(boxes[i][None], boxes[over]))
        covered[i] = (shared >= COVERED * _area(boxes[i][None])).any()
    return covered


def _intersection(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, 4) what boxes have in common; of none the sides are negative."""
    return np.concatenate(
        [np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])], 1
    )


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).clip(min=0).prod(1)
