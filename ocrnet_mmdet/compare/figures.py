"""The page's figures, as SVG."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..page_figures import COLOURS, SIZE, as_svg, labelled_axes, plain
from .answer import Cell, Difference
from .plan import Plan

MARKS = 'osD^vPX*'
Points = Mapping[str, Sequence[tuple[float, float]]]
AP = 'box AP'


def all_figures(
    plan: Plan, found: Sequence[Cell], compared: Sequence[Difference], outside: Mapping[str, dict]
) -> list[dict]:
    """Each with its ``svg`` and ``caption``; none without a run."""
    points = _points(plan, found, 'labels', 1)
    if not points:
        return []
    others = {
        name: 100 * scores['bbox_mAP'] for name, scores in outside.items() if 'bbox_mAP' in scores
    }
    drawn = [
        _against_labels(plan, points, others),
        _against_time(plan, _points(plan, found, 'total_seconds', 1 / 60), others),
    ]
    most = max(cell.labels for cell in found if cell.rows)
    most_labels = [cell for cell in found if cell.labels == most]
    if latencies := _points(plan, most_labels, 'latency_seconds', 1e3):
        drawn.append(_against_latency(latencies, others, most))
    if any(item.half is not None for item in compared):
        drawn.append(_intervals(compared))
    return drawn


def _against_labels(plan: Plan, points: Points, others: Mapping[str, float]) -> dict:
    labelled = {name: (plan.results[name].labels, ap) for name, ap in others.items()}
    return dict(
        svg=by_labels(points, labelled),
        caption='Box AP against labelled pictures: each run, mean ± s.d.',
    )


def _against_time(plan: Plan, minutes: Points, others: Mapping[str, float]) -> dict:
    timed = {
        name: (seconds / 60, ap)
        for name, ap in others.items()
        if (seconds := plan.results[name].seconds) is not None
    }
    return dict(
        svg=by_time(minutes, timed),
        caption='Box AP against total time, the stage without labels included.',
    )


def _against_latency(latencies: Points, others: Mapping[str, float], labels: int) -> dict:
    return dict(
        svg=by_latency(latencies, others),
        caption=f'Box AP with {labels} labelled pictures against the time of a picture at '
        'test scale, batch 1: mean ± s.d.'
        + (' A dotted line is a detector whose time is not known.' if others else ''),
    )


def _intervals(compared: Sequence[Difference]) -> dict:
    spans = [
        (f'{item.arm}, {item.labels}', item.mean, item.half, item.n)
        for item in compared
        if item.half is not None
    ]
    return dict(
        svg=differences(spans),
        caption=f'Difference to {compared[0].reference} at the same labelled pictures. '
        'An interval over 0 shows no difference.',
    )


def _points(
    plan: Plan, found: Sequence[Cell], column: str, scale: float
) -> dict[str, list[tuple[float, float]]]:
    """Of each arm with runs: a column of its rows times ``scale``, and box AP times 100."""
    points = {
        arm: [
            (row[column] * scale, 100 * row['bbox_mAP'])
            for cell in found
            if cell.arm == arm
            for row in cell.rows.values()
            if row.get(column) is not None and row['bbox_mAP'] is not None
        ]
        for arm in plan.arms
    }
    return {arm: runs for arm, runs in points.items() if runs}


def by_labels(points: Points, outside: Mapping[str, tuple[int | None, float]]) -> str:
    """AP against labelled pictures: every run, the means as a line, mean ± s.d. as bars.

    Args:
        points: Labelled pictures and AP (0 to 100) of each arm's runs.
        outside: Of other detectors; without labelled pictures a line across.
    """
    figure, axes = labelled_axes('labelled pictures', AP)
    labels = sorted(
        {x for runs in points.values() for x, _ in runs} | {x for x, _ in outside.values() if x}
    )
    for i, (name, runs) in enumerate(points.items()):
        colour, mark = _style(i)
        places = sorted({x for x, _ in runs})
        values = [[y for x, y in runs if x == place] for place in places]
        shift = 1.02 ** (i - (len(points) - 1) / 2)  # side by side on the axis of logarithms
        axes.plot(
            [x * shift for x, _ in runs],
            [y for _, y in runs],
            mark,
            color=colour,
            alpha=0.35,
            markersize=4,
        )
        axes.errorbar(
            [place * shift for place in places],
            [statistics.mean(v) for v in values],
            [statistics.stdev(v) if len(v) > 1 else 0.0 for v in values],
            color=colour,
            marker=mark,
            capsize=3,
            label=name,
        )
    for i, (name, (x, y)) in enumerate(outside.items(), len(points)):
        colour, mark = _style(i)
        if x:
            axes.plot([x], [y], mark, color=colour, label=name)
        else:
            axes.axhline(y, color=colour, linestyle=':', label=name)
    axes.set_xscale('log')
    axes.set_xlim(min(labels) / 1.25, max(labels) * 1.25)  # or one number's arms fill the axis
    axes.set_xticks(labels, [str(int(x)) for x in labels])
    axes.minorticks_off()
    return as_svg(figure)


def by_time(points: Points, outside: Mapping[str, tuple[float, float]]) -> str:
    """AP against total minutes, the stage's included: a point a run.

    Args:
        points: Minutes and AP (0 to 100) of each arm's runs.
        outside: Of other detectors.
    """
    figure, axes = labelled_axes('total minutes, of the stage and the fine-tuning', AP)
    groups = {**points, **{name: [point] for name, point in outside.items()}}
    for i, (name, runs) in enumerate(groups.items()):
        colour, mark = _style(i)
        axes.plot([x for x, _ in runs], [y for _, y in runs], mark, color=colour, label=name)
    axes.set_xlim(left=0)
    return as_svg(figure)


def by_latency(points: Points, outside: Mapping[str, float]) -> str:
    """AP against milliseconds of a picture: a point an arm, the mean of its runs.

    Args:
        points: Milliseconds and AP (0 to 100) of each arm's runs.
        outside: AP of other detectors, whose time is not known: a line across.
    """
    figure, axes = labelled_axes('milliseconds a picture', AP)
    times = []
    for i, (name, runs) in enumerate(points.items()):
        colour, mark = _style(i)
        values = [y for _, y in runs]
        times.append(statistics.mean(x for x, _ in runs))
        axes.errorbar(
            times[-1:],
            [statistics.mean(values)],
            [statistics.stdev(values) if len(values) > 1 else 0.0],
            color=colour,
            marker=mark,
            capsize=3,
            linestyle='',
            label=name,
        )
    for i, (name, y) in enumerate(outside.items(), len(points)):
        axes.axhline(y, color=_style(i)[0], linestyle=':', label=name)
    axes.set_xscale('log')
    low, high = min(times) / 1.3, max(times) * 1.3
    ticks = [t for t in MaxNLocator(5).tick_values(low, high) if low <= t <= high]
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f'{t:g}' for t in ticks])
    axes.minorticks_off()
    return as_svg(figure)


def differences(rows: Sequence[tuple[str, float, float, int]]) -> str:
    """Paired differences with their 95 % intervals.

    Args:
        rows: Name, mean, half width of the interval and n of each.
    """
    figure = Figure((SIZE[0], 0.9 + 0.38 * len(rows)), layout='constrained')
    axes = figure.subplots()
    places = range(len(rows))
    axes.axvline(0, color='#888', linewidth=1)
    axes.errorbar(
        [mean for _, mean, _, _ in rows],
        places,
        xerr=[half for _, _, half, _ in rows],
        fmt='o',
        color=COLOURS[0],
        capsize=3,
    )
    axes.set_yticks(places, [f'{name}, n = {n}' for name, _, _, n in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f'difference in {AP}, 95 % interval')
    plain(axes)
    return as_svg(figure)


def _style(i: int) -> tuple[str, str]:
    return COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]
