"""Unsureness of scores."""

import math

import numpy as np
import pytest

from ocrnet_mmdet.suggest.unsure import LEAST, MOST, entropies, unsureness


def test_entropy_is_that_of_a_coin_and_0_where_it_is_sure():
    by_hand = -(0.2 * math.log2(0.2) + 0.8 * math.log2(0.8))
    scores = np.array([0.5, 0.2, 0.8, LEAST / 2, (1 + MOST) / 2, 0.0, 1.0])
    assert entropies(scores) == pytest.approx([1, by_hand, by_hand, 0, 0, 0, 0])


def test_a_picture_without_finds_or_with_sure_ones_has_none():
    assert unsureness(np.zeros(0)) == unsureness(np.array([0.99, 0.97, 0.01])) == 0


def test_a_crowd_is_no_more_unsure_by_its_number():
    half_sure = [0.5, 0.99]
    few, many = (unsureness(np.array(half_sure * n)) for n in (10, 100))
    assert few < many < 1.15 * few
    assert unsureness(np.array([0.5] * 5)) > unsureness(np.array([0.5] * 5 + [0.99] * 95))


def test_one_more_doubtful_find_is_more_unsure():
    values = [unsureness(np.full(n, 0.5)) for n in range(6)]
    assert values == sorted(values) and len(set(values)) == 6 and values[-1] < 1


def test_the_order_of_finds_changes_no_bit():
    scores = np.random.default_rng(0).random(200)
    assert unsureness(scores) == unsureness(scores[::-1])
