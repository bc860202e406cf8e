import numpy as np
import pytest

from ocrnet_mmdet.datasets.near_duplicates import groups_of, print_of
from ocrnet_mmdet.datasets.split import split_groups


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def picture(rng, side=64):
    return np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((side // 8, side // 8, 1))).astype(
        np.uint8
    )


def test_copies_share_a_group_and_others_do_not(rng):
    first, second = picture(rng), picture(rng)
    brighter = np.clip(first.astype(int) + 20, 0, 255).astype(np.uint8)
    smaller = first[::2, ::2]
    group = groups_of([print_of(p) for p in (first, second, brighter, smaller)])
    assert group[0] == group[2] == group[3] != group[1]


def test_what_is_near_to_a_near_one_belongs_to_it(rng):
    bits = rng.random(256) < 0.5
    near, far = bits.copy(), bits.copy()
    near[:15] ^= True
    far[:30] ^= True
    assert len(set(groups_of([bits, far]))) == 2
    assert len(set(groups_of([bits, far, near]))) == 1


@pytest.mark.parametrize('share', [0.1, 0.2, 0.5])
def test_every_class_gets_its_share(rng, share):
    counts = rng.poisson([5, 1, 0.1], (400, 3))
    val = split_groups(counts, np.arange(400), share, seed=0)
    assert abs(val.mean() - share) < 0.02
    assert np.abs(counts[val].sum(0) / counts.sum(0) - share).max() < 0.05


def test_a_group_stays_on_one_side(rng):
    groups = rng.integers(0, 40, 200)
    val = split_groups(rng.poisson(2, (200, 2)), groups, 0.3, seed=0)
    assert all(len(set(val[groups == g])) == 1 for g in set(groups)) and 0.2 < val.mean() < 0.4


def test_a_class_of_two_pictures_is_in_both_parts():
    counts = np.zeros((20, 2), int)
    counts[:, 0] = 3
    counts[[4, 9], 1] = 1
    val = split_groups(counts, np.arange(20), 0.5, seed=0)
    assert val[4] != val[9]


def test_the_seed_decides_and_nothing_else(rng):
    counts = rng.poisson(2, (50, 2))
    splits = [split_groups(counts, np.arange(50), 0.2, seed).tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
