"""Parts of a data set, as the names of files, folders and subsets say them."""

from __future__ import annotations

import os
from collections.abc import Iterable

TRAIN, VAL, TEST = 'train', 'val', 'test'
OTHER = 'other'  # of the pictures of a split that are of none of the three
PARTS = dict(
    train=TRAIN,
    training=TRAIN,
    trainval=TRAIN,
    val=VAL,
    valid=VAL,
    validation=VAL,
    test=TEST,
    testing=TEST,
)


def part_of(path: str) -> str | None:
    """The part that a path names; the last of its names that has a part's word says it.

    ``my_test_set/train2017.csv`` is train, ``train/a.json`` too; ``trains.csv`` is none.
    """
    names = path.lower().split(os.sep)
    words = [''.join(c if c.isalpha() else ' ' for c in name).split() for name in names]
    return next((PARTS[w] for ours in reversed(words) for w in ours if w in PARTS), None)


def is_split(parts: Iterable[str | None]) -> bool:
    """Whether there is something to train on and something to score on."""
    there = {*parts}
    return TRAIN in there and bool({VAL, TEST} & there)
