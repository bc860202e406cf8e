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
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(image: np.ndarray, found: Found, classes: int) -> np.ndarray:
    """A copy of a picture with masks, boxes, class names and scores.

    A name that the font does not have (it is ASCII) is drawn as ``#`` and the class's number.

    Args:
        image: (H, W, 3) uint8 BGR.
        classes: How many there are, each of a colour.
    """
    drawn = image.copy()
    colours = [tuple(map(int, colour[::-1])) for colour in get_palette('random', classes)]
    width = max(1, round(max(image.shape[:2]) / 600))
    for i in range(len(found)):  # all masks lie under all boxes, these under the names
        if found.crops is not None:
            _fill(drawn, found.crops[i], colours[found.labels[i]])
    for box, label in zip(found.boxes, found.labels):
        x0, y0, x1, y1 = (round(float(side)) for side in box)
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), colours[label], width)
    for i, label in enumerate(found.labels):
        name = found.names[i] if found.names[i].isascii() else f'#{label}'
        _write(drawn, f'{name} {found.scores[i]:.2f}', found.boxes[i], colours[label], width)
    return drawn


def _fill(drawn: np.ndarray, crop: Crop, colour: tuple[int, ...]) -> None:
    height, width = crop.bits.shape
    part = drawn[crop.y : crop.y + height, crop.x : crop.x + width]
    part[crop.bits] = (part[crop.bits] * (1 - MASK) + np.multiply(colour, MASK)).astype(np.uint8)


def _write(
    drawn: np.ndarray, text: str, box: np.ndarray, colour: tuple[int, ...], width: int
) -> None:
    """The text on its box's colour, above the box, or in it where there is no room above."""
    scale = 0.4 * width
    (w, h), below = cv2.getTextSize(text, FONT, scale, width)
    x = max(0, min(round(float(box[0])), drawn.shape[1] - w))
    y = round(float(box[1])) - below
    y = y if y >= h else round(float(box[1])) + h + below
    cv2.rectangle(drawn, (x, y - h - 1), (x + w, y + below - 1), colour, -1)
    light = np.dot(colour, [0.114, 0.587, 0.299]) > 140
    ink = (0, 0, 0) if light else (255, 255, 255)
    cv2.putText(drawn, text, (x, y), FONT, scale, ink, width, cv2.LINE_AA)
