"""Contact sheets: pictures side by side, each with a caption, under a title and a legend.

Colours are BGR as OpenCV has them. Boxes are xyxy in pixels of the picture that is drawn on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..errors import InputError
from ..whole_file import whole_file

Colour = tuple[int, int, int]
RED, ORANGE, YELLOW = (40, 40, 225), (0, 140, 255), (0, 220, 255)
GREEN, BLUE, PURPLE = (60, 170, 20), (235, 130, 0), (200, 40, 190)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SIDE = 520  # longest side of a panel, pixels: three stand side by side on a desk's screen
GAP = 12
FONT, SMALL, TITLE = 16, 13, 20  # heights of letters, pixels
DASH = 6  # pixels


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's own, which has the letters of most of the world's alphabets."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf'), size)


def enlarged(image: np.ndarray, side: int = SIDE) -> tuple[np.ndarray, float]:
    """A copy (H, W, 3) with a longest side of ``side`` px, and the factor."""
    factor = side / max(image.shape[:2])
    size = [max(1, round(length * factor)) for length in image.shape[1::-1]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=how), factor


def draw_box(
    image: np.ndarray, box: Sequence[float], colour: Colour, width: int = 2, dashed: bool = False
) -> None:
    """Outline a box in place; one wider than a pixel between black lines, which show it on a ground
    of its own colour.
    """
    last = np.array(image.shape[1::-1]) - 1
    x0, y0, x1, y1 = (int(v) for v in np.round(np.asarray(box)).reshape(2, 2).clip(0, last).ravel())
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


def write(
    image: np.ndarray,
    place: tuple[int, int],
    text: str,
    size: int = FONT,
    colour: Colour = BLACK,
    ground: Colour | None = None,
) -> tuple[int, int]:
    """Write a line in place, its upper left corner at ``place`` or where it fits; its (w, h)."""
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
    return width, height


def tag(
    image: np.ndarray, box: Sequence[float], text: str, colour: Colour, taken: np.ndarray
) -> None:
    """Write a box's text on its colour above the box or below it, where there is room.

    Args:
        taken: (H, W) bool, where other texts stand; this one's place is added.
    """
    width, height = int(font(SMALL).getlength(text)) + 4, SMALL + SMALL // 3
    if width > 1.6 * (box[2] - box[0]) + 8:  # it would hide its neighbours
        return
    x = max(0, min(int(box[0]), image.shape[1] - width))
    for y in (int(box[1]) - height - 1, int(box[3]) + 2, int(box[1]) + 2):
        y = max(0, min(y, image.shape[0] - height))
        place = (slice(y, y + height), slice(x, x + width))
        if not taken[place].any():
            letters = BLACK if sum(colour) > 300 else WHITE
            write(image, (x, y), text, SMALL, letters, colour)
            taken[place] = True
            return


def captioned(image: np.ndarray, caption: str, size: int = FONT) -> np.ndarray:
    """A picture under its caption, of as many lines as it takes."""
    lines = wrapped(caption, image.shape[1] - 8, size)
    return np.concatenate([_text(lines, image.shape[1], size), image])


def wrapped(text: str, width: int, size: int) -> list[str]:
    """The lines of a text that fit into ``width`` pixels; a longer word is cut in the middle."""
    lines: list[str] = []
    for paragraph in text.split('\n'):
        line = ''
        for word in paragraph.split(' '):
            while font(size).getlength(word) > width and len(word) > 3:
                half = (len(word) - 2) // 2
                word = f'{word[:half]}…{word[len(word) - half :]}'
            if line and font(size).getlength(f'{line} {word}') > width:
                lines.append(line)
                line = word
            else:
                line = f'{line} {word}' if line else word
        lines.append(line)
    return lines


def contact_sheet(
    panels: Sequence[np.ndarray],
    title: str,
    legend: Mapping[str, Colour] = {},
    columns: int | None = None,
) -> np.ndarray:
    """All panels in columns as wide as the widest, under the title and the legend.

    Args:
        panels: (H, W, 3) uint8, of any sizes.
        legend: What each colour means.
        columns: Panels of a row; None takes up to four.
    """
    columns = columns or {1: 1, 2: 2, 4: 2}.get(len(panels), 3 if len(panels) <= 6 else 4)
    width = max(panel.shape[1] for panel in panels) + GAP
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    body = np.concatenate([_row(row, width, columns) for row in rows])
    wide = max(body.shape[1], SIDE)
    head = [_text(wrapped(title, wide - 8, TITLE), wide, TITLE)]
    head += _legend(legend, wide)
    sheet = np.concatenate([*head, _padded(body, body.shape[0], wide)])
    return cv2.copyMakeBorder(sheet, GAP, 0, GAP, 0, cv2.BORDER_CONSTANT, value=WHITE)


def save(image: np.ndarray, path: Path) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        InputError: The name does not end with .png.
    """
    check_png(path)
    with whole_file(path) as part:
        part.write_bytes(cv2.imencode('.png', image)[1].tobytes())


def check_png(path: Path) -> None:
    """Raise InputError unless a drawing's file is named as one."""
    if path.suffix.lower() != '.png':
        raise InputError(f'--out is {path}: name a file that ends with .png')


def _row(panels: Sequence[np.ndarray], width: int, columns: int) -> np.ndarray:
    height = max(panel.shape[0] for panel in panels) + GAP
    row = np.concatenate([_padded(panel, height, width) for panel in panels], 1)
    return _padded(row, height, width * columns)


def _padded(image: np.ndarray, height: int, width: int) -> np.ndarray:
    below, right = height - image.shape[0], width - image.shape[1]
    return cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=WHITE)


def _text(lines: Sequence[str], width: int, size: int) -> np.ndarray:
    step = size + size // 2
    strip = np.full((step * len(lines) + 4, width, 3), 255, np.uint8)
    for i, line in enumerate(lines):
        write(strip, (2, i * step + 1), line, size)
    return strip


def _legend(legend: Mapping[str, Colour], width: int) -> list[np.ndarray]:
    """Strips of filled squares, each before its meaning."""
    strips: list[np.ndarray] = []
    x = width
    for name, colour in legend.items():
        length = int(font(FONT).getlength(name)) + 52
        if x + length > width:
            strips.append(np.full((FONT + 14, width, 3), 255, np.uint8))
            x = 4
        cv2.rectangle(strips[-1], (x, 4), (x + 20, 22), BLACK, -1)
        cv2.rectangle(strips[-1], (x + 1, 5), (x + 19, 21), colour, -1)
        write(strips[-1], (x + 26, 4), name)
        x += length
    return strips
