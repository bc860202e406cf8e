"""The greedy choice against a brute-force one, and what must not change it."""

import itertools

import numpy as np
import pytest

from ocrnet_mmdet.suggest.pick import FLOOR, _Distances, pick

NOBODY = np.zeros(0, bool)


def chosen(vectors, unsure=None, labelled=(), count=3, prints=None) -> list[int]:
    vectors = np.asarray(vectors, float)
    unsure = np.zeros(len(vectors)) if unsure is None else np.asarray(unsure)
    known = np.isin(np.arange(len(vectors)), list(labelled))
    return [one.index for one in pick(vectors, unsure, known, count, prints)]


def cost(vectors, unsure, centres) -> float:
    """The sum of weighted distances from the nearest centre; without one all are far."""
    far = 1 + 2 * np.linalg.norm(vectors, axis=1).max()
    return sum(
        (FLOOR + unsure[i])
        * min((np.hypot(*(vectors[i] - vectors[c])) for c in centres), default=far)
        for i in range(len(vectors))
    )


def brute_force(vectors, unsure, labelled, count) -> list[int]:
    """Each step looks at every candidate and every labelled or chosen picture."""
    centres = list(labelled)
    for _ in range(count):
        left = [i for i in range(len(vectors)) if i not in centres]
        centres.append(min(left, key=lambda i: cost(vectors, unsure, [*centres, i])))
    return centres[len(labelled) :]


@pytest.mark.parametrize('labelled', [(), (0,), (3, 7)])
def test_picks_equal_those_of_brute_force(labelled):
    rng = np.random.default_rng(len(labelled))
    for _ in range(20):
        vectors, unsure = rng.normal(size=(12, 2)), rng.random(12)
        assert chosen(vectors, unsure, labelled, 6) == brute_force(vectors, unsure, labelled, 6)


def test_three_heaps_give_one_picture_each():
    heaps = np.repeat([[0, 0], [10, 0], [0, 10]], 4, axis=0) + np.tile(np.eye(2), (6, 1)) * 0.1
    heaps += np.random.default_rng(0).normal(size=heaps.shape) * 0.01
    assert {i // 4 for i in chosen(heaps, np.full(12, 0.5))} == {0, 1, 2}
    assert {i // 4 for i in chosen(heaps, np.full(12, 0.5), labelled=(5,), count=2)} == {0, 2}


def test_greedy_gains_63_percent_of_the_best_at_least():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        vectors, unsure = rng.normal(size=(9, 2)), rng.random(9)
        first = cost(vectors, unsure, [0])
        best = min(cost(vectors, unsure, [0, *c]) for c in itertools.combinations(range(1, 9), 3))
        mine = cost(vectors, unsure, [0, *chosen(vectors, unsure, (0,))])
        assert first - mine >= (1 - 1 / np.e) * (first - best) > 0


def test_a_heap_of_pictures_goes_before_a_single_one_far_off():
    vectors = np.array([[0, 0], *([5, 0.1 * i] for i in range(6)), [9, 0]])
    (one,) = pick(vectors, np.full(8, 0.5), np.arange(8) == 0, 1)
    assert 1 <= one.index <= 6 and one.covers == 7


def test_of_two_equal_heaps_the_doubtful_is_taken():
    heap = np.array([[0, 1], [0, 0], [1, 0]])
    vectors = np.concatenate([heap + [5, 5], heap - [5, 5], [[0, 0]]])
    unsure = np.array([0.2] * 3 + [0.9] * 3 + [0])
    assert chosen(vectors, unsure, labelled=(6,), count=1)[0] in (3, 4, 5)


def test_the_order_of_the_pictures_changes_nothing():
    rng = np.random.default_rng(1)
    vectors, unsure = rng.normal(size=(40, 5)), rng.random(40)
    prints = rng.random((40, 256)) > 0.5
    first = chosen(vectors, unsure, (4, 9), 12, prints)
    order = rng.permutation(40)
    labelled = np.flatnonzero(np.isin(order, (4, 9)))
    again = chosen(vectors[order], unsure[order], labelled, 12, prints[order])
    assert order[again].tolist() == first


def test_copies_are_never_both_chosen():
    vectors = [[1, 0], [1, 0], [0, 1 + 1e-9], [0, 1]]
    assert chosen(vectors, [1, 1, 1, 1], count=4) == [0, 2]
    assert chosen(vectors, labelled=(0,), count=4) == [2]


def test_near_prints_are_copies_whatever_the_vectors_say():
    prints = np.zeros((3, 256), bool)
    prints[1, :5], prints[2, :100] = True, True
    assert chosen([[0, 0], [3, 0], [0, 2]], prints=prints) == [0, 2]


def test_the_quick_bounds_are_no_less_than_the_gains():
    vectors = np.random.default_rng(0).normal(size=(300, 8)) + 50
    state = _Distances(vectors, np.random.default_rng(1).random(300), None)
    for i in (0, 7):
        bounds, gains = state.gain_bounds(), [state.gain(i) for i in range(300)]
        assert (bounds >= gains).all() and bounds == pytest.approx(gains, rel=0.1, abs=1)
        state.add(i)


def test_one_picture_is_chosen_and_none_more():
    (one,) = pick(np.ones((1, 2)), np.zeros(1), np.zeros(1, bool), 5)
    assert (one.index, one.nearest) == (0, None)
    assert chosen(np.ones((1, 2)), labelled=(0,)) == []
    assert pick(np.zeros((0, 2)), np.zeros(0), NOBODY, 5) == []


def test_more_than_there_are_gives_all_once():
    vectors = np.random.default_rng(2).normal(size=(6, 3))
    assert sorted(chosen(vectors, count=50)) == list(range(6))


def test_a_pick_names_its_nearest_picture_and_the_distance():
    vectors = np.array([[0.0, 0], [3, 4], [3, 5]])
    one, two = pick(vectors, np.array([0, 1, 0]), np.array([True, False, False]), 2)
    assert (one.index, one.distance, one.nearest, one.covers) == (1, 5, 0, 2)
    assert (two.index, two.distance, two.nearest, two.covers) == (2, 1, 1, 1)
