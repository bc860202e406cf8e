"""Contact sheets: pictures side by side, each with a caption, under a title and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..canvas import BLACK, FONT, WHITE, Colour, font, write
from ..errors import InputError
from ..whole_file import whole_file

SIDE = 520  # longest side of a panel, pixels: three stand side by side on a desk's screen
GAP = 12
TITLE = 20  # height of its letters, pixels


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
