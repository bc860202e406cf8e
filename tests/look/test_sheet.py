"""What a sheet shows, at known pixels."""

import numpy as np
import pytest

from ocrnet_mmdet.canvas import BLUE, GREEN, SMALL, font
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.look.sheet import captioned, check_png, contact_sheet, wrapped


def grey(height=60, width=80, value=90):
    return np.full((height, width, 3), value, np.uint8)


def pixels_of(image, colour):
    return int((image == colour).all(-1).sum())


def test_lines_of_a_caption_fit_and_lose_no_word():
    text = 'one two three four five six seven'
    lines = wrapped(text, 90, SMALL)
    assert ' '.join(lines) == text and len(lines) > 1
    assert all(font(SMALL).getlength(line) <= 90 for line in lines)


def test_a_long_name_is_cut_in_its_middle():
    (line,) = wrapped('a' * 40 + '_000123.jpg', 120, SMALL)
    assert font(SMALL).getlength(line) <= 120 and '…' in line and line.endswith('.jpg')


def test_a_picture_under_its_caption_is_unchanged():
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    out = captioned(image, 'name')
    assert (out[-60:] == image).all() and (out[:-60] < 100).any()


def test_panels_of_any_sizes_stand_in_rows_under_the_legend():
    colours = [(10 * i, 200, 100) for i in range(5)]
    panels = [np.full((40 + 10 * i, 60, 3), colour, np.uint8) for i, colour in enumerate(colours)]
    sheet = contact_sheet(panels, 'title', {'found': GREEN, 'missed': BLUE})
    for colour, panel in zip(colours, panels):
        assert pixels_of(sheet, colour) == panel.shape[0] * panel.shape[1]
    assert pixels_of(sheet, GREEN) >= 17**2 and pixels_of(sheet, BLUE) >= 17**2
    rows = [np.argwhere((sheet == colour).all(-1))[0] for colour in colours]
    assert rows[0][0] == rows[1][0] == rows[2][0] < rows[3][0] == rows[4][0]
    assert rows[0][1] < rows[1][1] < rows[2][1] and rows[0][1] == rows[3][1]


def test_a_name_that_is_no_png_is_refused(tmp_path):
    with pytest.raises(InputError, match='name a file that ends with .png'):
        check_png(tmp_path / 'x.jpg')
