"""A train and a val part of labelled pictures: every class in both, near-duplicates on one side.

Iterative stratification (Sechidis et al., On the Stratification of Multi-Label Data, ECML 2011)
over groups of pictures instead of single ones.
"""

from __future__ import annotations

import numpy as np


def split_groups(counts: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(N,) bool, True for the pictures of the val part.

    Class by class, the one with the fewest undealt objects first, its groups go to the part that
    lacks more of it; pictures without objects are dealt last, by their number.

    Args:
        counts: (N, K) objects of each class in each picture.
        groups: (N,) pictures of one group stay together.
        share: Of every class's objects, and of the pictures, that val should get; in (0, 1).
        seed: Of the order in which groups of the same size are dealt.
    """
    names, index = np.unique(groups, return_inverse=True)
    table = np.zeros((len(names), counts.shape[1] + 1))  # of a group: objects by class, pictures
    np.add.at(table, index, np.concatenate([counts, np.ones((len(counts), 1))], 1))
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-table[order, -1], kind='stable')]  # large groups fit where all lacks
    lacks = table.sum(0) * np.array([[1 - share], [share]])  # (2, K + 1), train's and val's
    part = np.full(len(names), -1)
    while (part < 0).any():
        left = table[part < 0].sum(0)
        rarest = np.where(left > 0, left, np.inf).argmin()
        for group in order[(part[order] < 0) & (table[order, rarest] > 0)]:
            train, val = lacks[0], lacks[1]
            part[group] = (val[rarest], val[-1]) > (train[rarest], train[-1])
            lacks[part[group]] -= table[group]
    return part[index] == 1
