"""How long runs take: from probes first, from finished runs once there are some."""

from __future__ import annotations

import statistics

from ..errors import InputError
from .plan import Plan
from .runs import Run, State


class Times:
    """Seconds of a run of each detector, from the rows of finished ones."""

    def __init__(self, rows: list[dict]) -> None:
        self.rows = [row for row in rows if not row['error'] and row['step_seconds']]

    def seconds(self, run: Run) -> float | None:
        """Expected, of another detector where its own was not measured; None without any."""
        rows = [
            row
            for row in self.rows
            if (row['kind'] == 'pretraining' or row['stage']) == run.trains_without_labels
        ]
        rows = [row for row in rows if row['detector'] == run.detector] or rows
        rows = [row for row in rows if row['kind'] != 'probe'] or rows
        if not rows:
            return None
        step = statistics.median(row['step_seconds'] for row in rows)
        besides = statistics.median(
            row['seconds'] - row['step_seconds'] * row['steps'] for row in rows
        )
        after = [row['measure_seconds'] for row in rows if row.get('measure_seconds')]
        measuring = statistics.median(after) if after and run.kind == 'fine-tuning' else 0.0
        return max(0.0, besides) + step * run.steps + measuring

    def total(self, runs: list[Run], jobs: int) -> float | None:
        """Of runs side by side; None where one is unknown."""
        each = [self.seconds(run) for run in runs]
        known = [seconds for seconds in each if seconds is not None]
        return None if len(known) < len(each) else max([sum(known) / jobs, *known], default=0.0)


def missing(state: State) -> list[Run]:
    """Runs of the plan without a row; of pretrainings those that one of the others starts from."""
    runs = [run for run in state.all_runs() if not state.row(run)]
    begun_from = {run.after for run in runs}
    return [run for run in runs if run.kind != 'pretraining' or run.name in begun_from]


def within_budget(
    state: State, times: Times, budget: float, jobs: int, spent: float = 0.0
) -> Plan | None:
    """The plan, without the seeds and then the numbers of labels that it has no time for.

    None where a time is not known.

    Args:
        spent: Seconds of the budget that are gone already.

    Raises:
        InputError: One seed and one number of labels take longer.
    """
    plan: Plan | None = state.plan
    while plan:
        smaller = State(plan, state.hashes, state.stage_steps, list(state.rows.values()))
        total = times.total(missing(smaller), jobs)
        if total is None:
            return None
        if total <= budget - spent:
            return plan
        least, plan = total, plan.smaller()
    raise InputError(
        f'--budget {shown_time(budget)}: one seed of one number of labels alone takes about '
        f'{shown_time(spent + least)}: raise it, or name fewer arms, rates or steps in a plan'
    )


def shown_time(seconds: float) -> str:
    """Such as ``2 h 05 min``."""
    if seconds < 90:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    return f'{minutes} min' if minutes < 90 else f'{minutes // 60} h {minutes % 60:02d} min'


def run_table(state: State, times: Times) -> str:
    """A line a run: kind, arm, labels, seed, steps, rate, expected time."""
    lines = [('run', 'arm', 'labels', 'seed', 'steps', 'rate', 'time')]
    left = missing(state)
    for run in state.all_runs():
        row, expected = state.row(run), times.seconds(run)
        known = (
            'done'
            if row and not row['error']
            else 'not needed'
            if not row and run not in left
            else shown_time(expected)
            if expected is not None
            else '?'
        )
        chosen = run.lr is not None or run.kind == 'pretraining'
        most = run.kind == 'fine-tuning' and not chosen and len(state.plan.steps) > 1
        lines.append(
            (
                run.kind,
                run.arm,
                str(run.labels or ''),
                str(run.seed),
                f'<= {run.steps}' if most else str(run.steps),
                f'{run.lr:g}' if run.lr is not None else '' if chosen else 'chosen',
                known,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines)]
    return '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )
