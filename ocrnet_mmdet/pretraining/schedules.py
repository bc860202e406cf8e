"""What changes over a run, as closed forms of the step: nothing to save, nothing to resume."""

import math


def cosine(start: float, end: float, steps: int, step: int) -> float:
    """From ``start`` at step 0 to ``end`` at step ``steps`` and after, along half a cosine.

    With ``start=0.99, end=1.0`` it is the momentum of BYOL's teacher: 1 - (1 - start) *
    (cos(pi step / steps) + 1) / 2 (Grill et al. 2020, section 3.2).
    """
    part = min(max(step / steps, 0.0), 1.0)
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


def longest_momentum(horizon: float, steps: int) -> float:
    """The momentum whose average reaches back over ``horizon * steps`` steps."""
    return 1 - 1 / max(horizon * steps, 1.0)


def ramp(start_step: int, end_step: int, step: int) -> float:
    """0 up to ``start_step``, 1 from ``end_step`` on, a straight line between.

    With ``start_step == end_step`` a switch, on at that step.
    """
    if step >= end_step:
        return 1.0
    if step <= start_step:
        return 0.0
    return (step - start_step) / (end_step - start_step)
