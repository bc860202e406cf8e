"""Pictures with what was found in them.

With OpenCV, object by object on its own part of the picture: mmdet's visualizer takes all masks at
the picture's size at once, 16 GB for 1,000 objects of 4000 x 4000 px.
"""

from __future__ import annotations

import numpy as np
from mmdet.visualization import get_palette

from ..canvas import SMALL, draw_box, legible, tag_all
from .crops import Crop
from .found import Found

MASK = 0.4  # how far a mask hides the picture


def draw(image: np.ndarray, found: Found, classes: int) -> np.ndarray:
    """A copy of a picture with masks, boxes, class names and scores.

    Lines are as wide as the objects' size allows. A name that would hide its box's neighbours is
    left out.

    Args:
        image: (H, W, 3) uint8 BGR.
        classes: How many there are, each of a colour.
    """
    drawn = image.copy()
    colours = [tuple(map(int, colour[::-1])) for colour in get_palette('random', classes)]
    width = _line_width(image.shape, found.boxes)
    for i in range(len(found)):  # all masks lie under all boxes, these under the names
        if found.crops is not None:
            _fill(drawn, found.crops[i], colours[found.labels[i]])
    for box, label in zip(found.boxes, found.labels):
        draw_box(drawn, box - (0, 0, 1, 1), colours[label], width)  # on the last pixels of the box
    texts = [
        f'{legible(name, label)} {score:.2f}'
        for name, label, score in zip(found.names, found.labels, found.scores)
    ]
    tag_all(drawn, found.boxes, texts, [colours[label] for label in found.labels], SMALL * width)
    return drawn


def _line_width(shape: tuple[int, ...], boxes: np.ndarray) -> int:
    """Pixels, by the picture's longest side and the objects' median side."""
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
    median = float(np.median(sides)) if len(sides) else 0.0
    return max(1, round(min(max(shape[:2]) / 600, median / 80)))


def _fill(drawn: np.ndarray, crop: Crop, colour: tuple[int, ...]) -> None:
    height, width = crop.bits.shape
    part = drawn[crop.y : crop.y + height, crop.x : crop.x + width]
    part[crop.bits] = (part[crop.bits] * (1 - MASK) + np.multiply(colour, MASK)).astype(np.uint8)
