"""The schedule of finetune.py for a run of another length."""

from __future__ import annotations

from collections.abc import Sequence

# Of mmengine's schedulers: what counts steps from the scheduler's own begin.
LENGTHS = ('T_max', 'step_size', 'total_steps')
LISTS = ('milestones', 'periods')
LEAST = 2  # steps: of a warm-up of one mmengine's LinearLR keeps its first factor for ever


def scaled(schedulers: Sequence[dict], whole: int, steps: int) -> list[dict]:
    """Schedulers of ``whole`` steps as those of ``steps``.

    What counts epochs stays as it is. What has no step left is dropped; with fewer than three
    steps all are, for none of them would leave the first rate.
    """
    if steps <= LEAST:
        return []
    found = [
        dict(one) if one.get('by_epoch', True) else _scaled(one, whole, steps) for one in schedulers
    ]
    return [one for one in found if one.get('begin', 0) < one.get('end', steps + 1)]


def _scaled(scheduler: dict, whole: int, steps: int) -> dict:
    def place(step: int) -> int:
        return max(min(step, LEAST), round(step * steps / whole))

    begin = scheduler.get('begin', 0)

    def length(count: int) -> int:
        return max(1, place(begin + count) - place(begin))

    found = dict(scheduler)
    found |= {name: place(found[name]) for name in ('begin', 'end') if name in found}
    found |= {name: length(found[name]) for name in LENGTHS if name in found}
    found |= {name: [length(n) for n in found[name]] for name in LISTS if name in found}
    return found
