"""What the fine-tunings of a plan say: cells (arm, labels), paired differences, words."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .plan import Plan
from .statistics import paired_interval

ENOUGH = 3  # pairs from which on an interval is worth a claim


@dataclass
class Cell:
    """An arm at a number of labels.

    Attributes:
        rows: Of its finished fine-tunings, by seed.
    """

    arm: str
    labels: int
    rows: dict[int, dict]

    def values(self, metric: str) -> dict[int, float]:
        """AP by seed, 0 to 100."""
        return {
            seed: 100 * row[metric]
            for seed, row in self.rows.items()
            if row.get(metric) is not None
        }

    def mean(self, column: str) -> float | None:
        found = [row[column] for row in self.rows.values() if row.get(column) is not None]
        return statistics.mean(found) if found else None


@dataclass
class Difference:
    """Of two arms at a number of labels, over the seeds that both have.

    Attributes:
        half: Half the width of the 95 % interval; None of one pair.
    """

    arm: str
    reference: str
    labels: int
    n: int
    mean: float
    half: float | None

    def shown(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.half is not None and abs(self.mean) > self.half


def cells(plan: Plan, rows: Sequence[dict]) -> list[Cell]:
    """Of the plan's arms and labels, in its order, those without a finished run too."""
    done = [row for row in rows if row['kind'] == 'fine-tuning' and not row['error']]
    return [
        Cell(
            arm,
            labels,
            {
                row['seed']: row
                for row in done
                if (row['arm'], row['labels']) == (arm, labels) and row['seed'] in plan.seeds
            },
        )
        for labels in plan.labels
        for arm in plan.arms
    ]


def differences(found: Sequence[Cell], reference: str, metric: str) -> list[Difference]:
    """Of each arm to ``reference`` at the same labels."""
    theirs = {cell.labels: cell.values(metric) for cell in found if cell.arm == reference}
    result = []
    for cell in found:
        ours, other = cell.values(metric), theirs[cell.labels]
        seeds = sorted(ours.keys() & other.keys())
        if cell.arm == reference or not seeds:
            continue
        a, b = [ours[s] for s in seeds], [other[s] for s in seeds]
        mean, half = paired_interval(a, b) if len(seeds) > 1 else (a[0] - b[0], None)
        result.append(Difference(cell.arm, reference, cell.labels, len(seeds), mean, half))
    return result


def gap_shares(found: Sequence[Cell], reference: str, metric: str) -> list[tuple[str, int, float]]:
    """Arm, labels, and the share that it closes of the gap.

    The gap is what ``reference`` gains from these labels to the most that were compared.
    """
    means = {
        (cell.arm, cell.labels): statistics.mean(values.values())
        for cell in found
        if (values := cell.values(metric))
    }
    most = max((labels for _, labels in means), default=0)
    top = means.get((reference, most))
    return [
        (arm, labels, (value - low) / (top - low))
        for (arm, labels), value in means.items()
        if arm != reference
        and labels < most
        and top is not None
        and (low := means.get((reference, labels))) is not None
        and top > low
    ]


def in_words(
    found: Sequence[Cell], compared: Sequence[Difference], reference: str, metric: str
) -> list[tuple[str, list[str]]]:
    """The answer: headlines and their statements, one of each number of labels."""
    parts: list[tuple[str, list[str]]] = []
    for labels in dict.fromkeys(cell.labels for cell in found):
        means = {
            cell.arm: statistics.mean(values.values())
            for cell in found
            if cell.labels == labels and (values := cell.values(metric))
        }
        if not means:
            parts.append((f'{labels} labelled pictures: no run came to its end', []))
            continue
        best = max(means, key=lambda arm: means[arm])
        rank = ' has the highest mean' if len(means) > 1 else ''
        parts.append(
            (
                f'{labels} labelled pictures: {best}{rank}, box AP {means[best]:.1f}',
                [_sentence(item) for item in compared if item.labels == labels],
            )
        )
    cautions = _cautions(found, compared, reference)
    return parts + ([('How to read this', cautions)] if cautions else [])


def _cautions(found: Sequence[Cell], compared: Sequence[Difference], reference: str) -> list[str]:
    lines = []
    if any(item.half is not None and not item.shown() for item in compared):
        lines.append(
            'A null result is information: where no difference is shown, take the start '
            'that costs less time.'
        )
    if len(compared) > 1:
        lines.append(
            f'{len(compared)} comparisons stand here: of 20 such intervals '
            'one leaves out 0 by chance.'
        )
    if any(item.n < ENOUGH for item in compared):
        lines.append(f'Fewer than {ENOUGH} pairs say little: add seeds before you decide.')
    slower = _times(found, reference)
    return lines + ([slower] if slower else [])


def _sentence(item: Difference) -> str:
    if item.half is None:
        return f'{item.arm} - {item.reference}: {item.mean:+.1f}, one pair, which shows nothing.'
    span = f'{item.mean:+.1f} ± {item.half:.1f} (95 % interval, n = {item.n})'
    if item.shown():
        return (
            f'{item.arm} is {"better" if item.mean > 0 else "worse"} than {item.reference}: {span}.'
        )
    return f'No difference between {item.arm} and {item.reference} is shown: {span}.'


def _times(found: Sequence[Cell], reference: str) -> str:
    totals = {
        arm: statistics.mean(times)
        for arm in dict.fromkeys(cell.arm for cell in found)
        if (
            times := [
                t
                for cell in found
                if cell.arm == arm and (t := cell.mean('total_seconds')) is not None
            ]
        )
    }
    others = [
        f'{arm} {total / totals[reference]:.1f}'
        for arm, total in totals.items()
        if arm != reference and totals.get(reference)
    ]
    return f'Total time of a run over that of {reference}: {", ".join(others)}.' if others else ''
