"""Whether a pretraining has gone on long enough to fine-tune from, by its box branch."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Box loss over that of leaving the boxes as they are. It stays at 0.97 to 1.00 until the branch
# begins to learn. The main table's four pretrainings were below 0.95 after 300 to 450 of their
# 1,500 steps, and then 0.66 to 0.87 (experiments/curves.csv). A detector handed over after 150
# steps halved the box AP of the fine-tuning from it, while all other monitors looked healthy.
READY_BELOW = 0.95
LENGTHS = (500, 1500)  # steps of pretrainings whose gain was measured (docs/notebook.md)


@dataclass(frozen=True)
class Readiness:
    """What a pretraining is good for.

    Attributes:
        ready: Whether to fine-tune from it.
        words: One line that begins with ``ready`` or ``not ready``.
    """

    ready: bool
    words: str


def readiness(steps: int, ratio: float | None) -> Readiness:
    """Of a pretraining that trains the box branch.

    Args:
        steps: That it has taken.
        ratio: Smoothed ``box_level_ratio``; None or NaN where no step was looked at.
    """
    if ratio is not None and ratio <= READY_BELOW:
        return Readiness(
            True,
            f'ready: the box branch has learnt: its loss is {ratio:.2f} of that of leaving the '
            f'boxes as they are ({READY_BELOW:g} or less is ready)',
        )
    seen = (
        'no step of it was looked at'
        if ratio is None or math.isnan(ratio)
        else f'its loss is {ratio:.2f} of that of leaving the boxes as they are, {READY_BELOW:g} '
        'or less is ready'
    )
    length = next((length for length in LENGTHS if length >= 2 * steps), 2 * steps)
    return Readiness(
        False,
        f'not ready: the box branch has learnt nothing yet ({seen}): a fine-tuning from it may be '
        f'worse than one from random weights: {length - steps} more steps before it '
        f'(max_iters={length})',
    )
