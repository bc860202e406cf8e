"""What n paired runs say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from scipy import stats


def paired_interval(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Mean of the paired differences and half the width of its 95 % interval (Student's t)."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    n = len(differences)
    spread = stats.t.ppf(0.975, n - 1) * statistics.stdev(differences) / math.sqrt(n)
    return statistics.mean(differences), spread


def spread(values: Sequence[float]) -> str:
    """Mean ± s.d."""
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'


def difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Of pairs, with its interval; one pair has none."""
    if len(ours) == 1:
        return f'{ours[0] - theirs[0]:+.1f}'
    return '{:+.1f} ± {:.1f}'.format(*paired_interval(ours, theirs))
