"""Outlines are bounded before they are drawn."""

import time

import numpy as np
import pytest

from ocrnet_mmdet.datasets import outlines
from ocrnet_mmdet.datasets.outlines import are_polygons, marks_nothing, too_large

SIZES = np.array([[640.0, 480.0]])


def one(*polygons):
    return bool(too_large([list(polygons)], SIZES[:1])[0])


def test_an_outline_may_reach_ten_sides_past_its_picture():
    assert not one([-6400, 0, 0, 0, 0, 10], [1, 1, 2, 2, 3, 3])
    assert one([-6401, 0, 0, 0, 0, 10]) and one([1, 1, 2, 2, 3, 3], [0, 0, 0, 6900, 5, 5])
    assert one([1e9] * 6) and one([1e308, 0, -1e308, 0, 5, 5])


def test_an_outlines_length_is_that_of_all_its_polygons():
    zigzag = [0, 0, 600, 0] * 500  # 600,000 pixels
    assert not one(zigzag) and one(zigzag, zigzag)
    assert one([0, 0] + zigzag + [0, 0], zigzag[:2000])


@pytest.mark.parametrize('chunk', [1, 3, 100])
def test_many_outlines_are_as_each_alone(monkeypatch, chunk):
    monkeypatch.setattr(outlines, 'CHUNK', chunk)
    rng = np.random.default_rng(0)
    many = [
        [rng.uniform(-9000, 9000, rng.integers(3, 9)).tolist() for _ in range(rng.integers(1, 4))]
        for _ in range(40)
    ]
    many[7] = [[1, 2, 3, 4, 5, 6], [], [7]]
    sizes = rng.integers(300, 1000, (40, 2)).astype(float)
    alone = [too_large([o], s[None])[0] for o, s in zip(many, sizes)]
    assert too_large(many, sizes).tolist() == alone and 0 < sum(alone) < 40


def test_none_of_no_outlines_is_too_large():
    assert too_large([], np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize(
    'polygons',
    [
        [],
        'text',
        [['1', '2', '3', '4', '5', '6']],
        [[1, 2, 3, 4, 5, 10**400]],
        [[[1, 2]]],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5]],
        [None],
        7,
    ],
)
def test_what_is_no_polygon(polygons):
    assert not are_polygons(polygons)


def test_an_outline_beside_the_picture_marks_nothing():
    assert marks_nothing([[700, 10, 800, 10, 800, 90]], 480, 640)
    assert not marks_nothing([[700, 10, 800, 10, 800, 90], [1, 1, 9, 1, 9, 9]], 480, 640)


def test_an_outline_at_the_bounds_is_drawn_in_bounded_time():
    wide = [-6400, -6400, 7000, 6800] * 36  # just below a million pixels
    assert not one(wide)
    start = time.process_time()
    marks_nothing([wide], 480, 640)
    assert time.process_time() - start < 2
