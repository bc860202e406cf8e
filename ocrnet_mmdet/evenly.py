"""Some of many: spread evenly, or the best, the median and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar('Item')


def evenly(length: int, most: int) -> list[int]:
    """Up to ``most`` indices below ``length``, the first and the last among them."""
    return np.linspace(0, length - 1, min(length, most)).round().astype(int).tolist()


def best_median_worst(ranked: Sequence[Item], each: int) -> list[tuple[str, Item]]:
    """``each`` of the best, of the worst and of the median, none of them twice, with that word.

    Args:
        ranked: Best first.
    """
    middle = max(0, (len(ranked) - each) // 2)
    places = dict.fromkeys(range(min(each, len(ranked))), 'best')
    for i in range(len(ranked) - 1, max(-1, len(ranked) - 1 - each), -1):
        places.setdefault(i, 'worst')
    for i in range(middle, min(middle + each, len(ranked))):
        places.setdefault(i, 'median')
    return [(places[i], ranked[i]) for i in sorted(places)]
