"""Drawing on pictures: sizes, boxes, masks, names, and JPEG as text for pages.

Pictures are (H, W, 3) uint8 and colours BGR, as OpenCV has them. Boxes are xyxy in pixels of the
picture that is drawn on.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
RED, ORANGE, YELLOW = (40, 40, 225), (0, 140, 255), (0, 220, 255)
GREEN, BLUE, PURPLE = (60, 170, 20), (235, 130, 0), (200, 40, 190)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
PALETTE: tuple[Colour, ...] = (GREEN, BLUE, RED, PURPLE, YELLOW, ORANGE)
FONT, SMALL = 16, 13  # heights of letters, pixels
LETTERS = Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf')  # most of the alphabets
SMALL_BOX = 2.5  # times its letters' height: of a box with a shorter side a text would hide much
DASH = 6  # pixels
QUALITY = 80  # of a JPEG: about 40 KB of 448 px


def from_hex(colour: str) -> Colour:
    """Of #rrggbb."""
    red, green, blue = bytes.fromhex(colour[1:])
    return blue, green, red


def jpeg_uri(image: np.ndarray) -> str:
    """A JPEG as a data URI."""
    done, content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return 'data:image/jpeg;base64,' + base64.b64encode(content.tobytes()).decode()


def enlarged(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """A copy (H, W, 3) with a longest side of ``side`` px, and the factor."""
    factor = side / max(image.shape[:2])
    size = [max(1, round(length * factor)) for length in image.shape[1::-1]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=how), factor


def draw_box(
    image: np.ndarray, box: Sequence[float], colour: Colour, width: int = 2, dashed: bool = False
) -> None:
    """Outline a box in place; one wider than a pixel between black lines, which show it on a ground
    of its own colour. A side over the frame is drawn at the frame, a box beside the picture not.
    """
    last = np.array(image.shape[1::-1]) - 1
    corners = np.round(np.asarray(box, float)).reshape(2, 2)
    if (corners[1] < 0).any() or (corners[0] > last).any():
        return
    x0, y0, x1, y1 = (int(v) for v in corners.clip(0, last).ravel())
    if width > 1:
        cv2.rectangle(image, (x0, y0), (x1, y1), BLACK, width + 2)
    if not dashed:
        cv2.rectangle(image, (x0, y0), (x1, y1), colour, width)
        return
    for x in range(x0, x1, 2 * DASH):
        for y in (y0, y1):
            cv2.line(image, (x, y), (min(x + DASH, x1), y), colour, width)
    for y in range(y0, y1, 2 * DASH):
        for x in (x0, x1):
            cv2.line(image, (x, y), (x, min(y + DASH, y1)), colour, width)


def draw_mask(image: np.ndarray, mask: np.ndarray, colour: Colour, width: int = 2) -> None:
    """Outline a mask in place, likewise.

    Args:
        mask: Of any size and type, not 0 on the object; it is brought to the picture's size.
    """
    shrinks = mask.shape[1] > image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    large = cv2.resize((mask > 0) * np.uint8(255), image.shape[1::-1], interpolation=how)
    # over half of the highest value, not of 255: what becomes less than a pixel stays to be seen
    covered = (large > large.max() // 2).astype(np.uint8)
    lines, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if width > 1:
        cv2.drawContours(image, lines, -1, BLACK, width + 2, cv2.LINE_AA)
    smooth = cv2.LINE_AA if width > 1 else cv2.LINE_8  # else a pixel alone is pale
    cv2.drawContours(image, lines, -1, colour, width, smooth)


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's own, with letters of ``size`` pixels."""
    return ImageFont.truetype(LETTERS, size)


@lru_cache
def _known() -> frozenset[int]:
    return frozenset(FT2Font(str(LETTERS)).get_charmap())


def legible(name: str, number: int) -> str:
    """A name, or ``#`` and its number where the font lacks a letter of it: it has no Chinese."""
    return name if _known().issuperset(map(ord, name)) else f'#{number}'


def write(
    image: np.ndarray,
    place: tuple[int, int],
    text: str,
    size: int = FONT,
    colour: Colour = BLACK,
    ground: Colour | None = None,
) -> None:
    """Write a line in place, its upper left corner at ``place`` or where it fits."""
    x0, y0, x1, y1 = (int(side) for side in font(size).getbbox(text, anchor='la'))
    width, height = x1 + 4, size + size // 3
    x = max(0, min(int(place[0]), image.shape[1] - width))
    y = max(0, min(int(place[1]), image.shape[0] - height))
    part = image[y : y + height, x : x + width]
    if ground is not None:
        part[:] = ground
    canvas = Image.fromarray(part)
    ImageDraw.Draw(canvas).text((2, 0), text, fill=colour, font=font(size))
    part[:] = np.asarray(canvas)


def tag(
    image: np.ndarray,
    box: Sequence[float],
    text: str,
    colour: Colour,
    taken: np.ndarray,
    size: int = SMALL,
) -> None:
    """Write a box's text on its colour above the box or below it, where there is room.

    Args:
        taken: (H, W) bool, where nothing may be hidden; this text's place is added.
    """
    width, height = int(font(size).getlength(text)) + 4, size + size // 3
    if width > 1.6 * (box[2] - box[0]) + 8:  # it would hide its neighbours
        return
    x = max(0, min(int(box[0]), image.shape[1] - width))
    for y in (int(box[1]) - height - 1, int(box[3]) + 2, int(box[1]) + 2):
        y = max(0, min(y, image.shape[0] - height))
        place = (slice(y, y + height), slice(x, x + width))
        if not taken[place].any():
            light = np.dot(colour, (0.114, 0.587, 0.299)) > 140
            write(image, (x, y), text, size, BLACK if light else WHITE, colour)
            taken[place] = True
            return


def tag_all(
    image: np.ndarray,
    boxes: np.ndarray,
    texts: Sequence[str],
    colours: Sequence[Colour],
    size: int = SMALL,
) -> None:
    """Write the texts of boxes, the first one first, over no other text and no small box.

    Args:
        boxes: (N, 4); likewise N texts, of which empty ones are not written, and colours.
    """
    taken = np.zeros(image.shape[:2], bool)
    for x0, y0, x1, y1 in np.round(np.asarray(boxes, float).reshape(-1, 4)).clip(0).astype(int):
        if min(x1 - x0, y1 - y0) < SMALL_BOX * size:
            taken[y0 : y1 + 1, x0 : x1 + 1] = True
    for box, text, colour in zip(boxes, texts, colours):
        if text:
            tag(image, box, text, colour, taken, size)
