"""What annotators draw, as COCO has it: box, polygons, mask.

H x W pixels of the picture; boxes xywh; points lie between pixels, (0, 0) is the picture's corner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

CORNERS = 64  # of a circle's polygon, which then has 99.8 % of its area
LEAST = 6  # numbers of a polygon


@dataclass
class Shape:
    """One of three: ``box`` xyxy, ``polygon`` [x1, y1, x2, y2, ...], ``mask`` (H, W) bool."""

    box: Sequence[float] | None = None
    polygon: Sequence[float] | None = None
    mask: np.ndarray | None = None


def ellipse(middle: Sequence[float], radii: Sequence[float], angle: float = 0.0) -> Shape:
    """A polygon; ``angle`` in radians turns it clockwise as it is seen."""
    (cx, cy), (rx, ry) = middle, radii
    turns = np.arange(CORNERS) * (2 * math.pi / CORNERS)
    points = np.stack([rx * np.cos(turns), ry * np.sin(turns)], 1)
    return Shape(polygon=_turned(points, cx, cy, angle))


def turned_box(box: Sequence[float], angle: float) -> Shape:
    """The polygon of an xyxy box that is turned clockwise about its middle, radians."""
    x1, y1, x2, y2 = box
    w, h = (x2 - x1) / 2, (y2 - y1) / 2
    corners = np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
    return Shape(polygon=_turned(corners, x1 + w, y1 + h, angle))


def _turned(points: np.ndarray, cx: float, cy: float, angle: float) -> list[float]:
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.round(points @ turn + (cx, cy), 3).ravel().tolist()


def pasted(part: np.ndarray, left: int, top: int, width: int, height: int) -> Shape:
    """A mask that was kept as a part of the picture; what lies past the edge is cut off."""
    mask = np.zeros((height, width), bool)
    x, y = max(left, 0), max(top, 0)
    inner = part[y - top : max(height - top, 0), x - left : max(width - left, 0)]
    mask[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return Shape(mask=mask)


def annotation_of(shapes: Sequence[Shape], width: int, height: int) -> dict:
    """``bbox``, ``area`` and ``segmentation`` of one object, which may have several parts.

    A box alone has no segmentation; beside outlines or masks it is an outline. A mask among the
    parts makes a mask of the whole.
    """
    if all(shape.box is not None for shape in shapes):
        box = _around(np.reshape([shape.box for shape in shapes], (-1, 2)))
        return dict(bbox=box, area=box[2] * box[3])
    polygons = [_corners(s) if s.box is not None else list(s.polygon or ()) for s in shapes]
    if any(shape.mask is not None for shape in shapes):
        return _mask_annotation(shapes, [p for p in polygons if p], width, height)
    area = sum(map(_area, polygons))
    box = _around(np.reshape([x for polygon in polygons for x in polygon], (-1, 2)))
    return dict(bbox=box, area=area or box[2] * box[3], segmentation=polygons)


def run_lengths(mask: np.ndarray) -> dict:
    """COCO's compressed run lengths of a mask (H, W) bool."""
    runs = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return dict(size=list(mask.shape), counts=runs['counts'].decode())


def _mask_annotation(
    shapes: Sequence[Shape], polygons: list[list[float]], width: int, height: int
) -> dict:
    runs = [
        coco_mask.encode(np.asfortranarray(s.mask, np.uint8)) for s in shapes if s.mask is not None
    ]
    runs += coco_mask.frPyObjects(polygons, height, width) if polygons else []
    whole = coco_mask.merge(runs)
    return dict(
        bbox=coco_mask.toBbox(whole).tolist(),
        area=int(coco_mask.area(whole)),
        segmentation=dict(size=[height, width], counts=whole['counts'].decode()),
    )


def _corners(shape: Shape) -> list[float]:
    x1, y1, x2, y2 = shape.box or ()
    return [x1, y1, x2, y1, x2, y2, x1, y2]


def _around(points: np.ndarray) -> list[float]:
    (x1, y1), (x2, y2) = points.min(0).tolist(), points.max(0).tolist()
    return [x1, y1, round(x2 - x1, 6), round(y2 - y1, 6)]


def _area(polygon: Sequence[float]) -> float:
    x, y = np.reshape(polygon, (-1, 2)).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
