"""Pictures with what was found in them.

With OpenCV, object by object on its own part of the picture: mmdet's visualizer takes all masks at
the picture's size at once, 16 GB for 1,000 objects of 4000 x 4000 px.
"""

from __future__ import annotations

import cv2
import numpy as np
from mmdet.visualization import get_palette

from .crops import Crop
from .found import Found

MASK = 0.4  # how far a mask hides the picture
ROOM = 1.5
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(image: np.ndarray, found: Found, classes: int) -> np.ndarray:
    """A copy of a picture with masks, boxes, class names and scores.

    Lines are as wide as the objects' size allows. A name that the font does not have (it is ASCII)
    is drawn as ``#`` and the class's number; one more than ``ROOM`` times as wide as its box is
    left out: it would hide the neighbours.

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
        x0, y0, x1, y1 = (round(float(side)) for side in box)
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), colours[label], width)
    for i in range(len(found))[::-1]:  # the best are last, over the others
        label = found.labels[i]
        name = found.names[i] if found.names[i].isascii() else f'#{label}'
        _write(drawn, f'{name} {found.scores[i]:.2f}', found.boxes[i], colours[label], width)
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


def _write(
    drawn: np.ndarray, text: str, box: np.ndarray, colour: tuple[int, ...], width: int
) -> None:
    """The text on its box's colour, above the box, or in it where there is no room above it."""
    scale = 0.4 * width
    (w, h), below = cv2.getTextSize(text, FONT, scale, width)
    if w > ROOM * (box[2] - box[0]):
        return
    x = max(0, min(round(float(box[0])), drawn.shape[1] - w))
    y = round(float(box[1])) - below
    y = y if y >= h else round(float(box[1])) + h + below
    cv2.rectangle(drawn, (x, y - h - 1), (x + w, y + below - 1), colour, -1)
    light = np.dot(colour, [0.114, 0.587, 0.299]) > 140
    ink = (0, 0, 0) if light else (255, 255, 255)
    cv2.putText(drawn, text, (x, y), FONT, scale, ink, width, cv2.LINE_AA)
