"""The page's figures, as SVG."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

COLOURS = ('#1f6fb4', '#c8561b', '#2b8a4b', '#8d4fa8', '#7a5c3e', '#b3306b', '#5f6b76', '#a08a00')
MARKS = 'osD^vPX*'
SIZE = (5.2, 3.8)  # inches: two side by side on a desk's screen, legible on a telephone's
Points = Mapping[str, Sequence[tuple[float, float]]]


def by_labels(points: Points, outside: Mapping[str, tuple[int | None, float]], what: str) -> str:
    """AP against labelled pictures: every run, the means as a line, mean ± s.d. as bars.

    Args:
        points: Labelled pictures and AP (0 to 100) of each arm's runs.
        outside: Of other detectors; without labelled pictures a line across.
        what: The score's name.
    """
    figure, axes = _axes('labelled pictures', what)
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
    axes.set_xticks(labels, [str(int(x)) for x in labels])
    axes.minorticks_off()
    return _svg(figure)


def by_time(points: Points, outside: Mapping[str, tuple[float, float]], what: str) -> str:
    """AP against total minutes, the stage's included: a point a run.

    Args:
        points: Minutes and AP (0 to 100) of each arm's runs.
        outside: Of other detectors.
        what: The score's name.
    """
    figure, axes = _axes('total minutes, of the stage and the fine-tuning', what)
    groups = {**points, **{name: [point] for name, point in outside.items()}}
    for i, (name, runs) in enumerate(groups.items()):
        colour, mark = _style(i)
        axes.plot([x for x, _ in runs], [y for _, y in runs], mark, color=colour, label=name)
    axes.set_xlim(left=0)
    return _svg(figure)


def differences(rows: Sequence[tuple[str, float, float, int]], what: str) -> str:
    """Paired differences with their 95 % intervals.

    Args:
        rows: Name, mean, half width of the interval and n of each.
        what: The score's name.
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
    axes.invert_yaxis()
    axes.set_xlabel(f'difference in {what}, 95 % interval')
    _plain(axes)
    return _svg(figure)


def _axes(x: str, y: str) -> tuple[Figure, matplotlib.axes.Axes]:
    figure = Figure(SIZE, layout='constrained')
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    _plain(axes)
    return figure, axes


def _plain(axes: matplotlib.axes.Axes) -> None:
    axes.spines[['top', 'right']].set_visible(False)
    axes.grid(alpha=0.25)


def _style(i: int) -> tuple[str, str]:
    return COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]


def _svg(figure: Figure) -> str:
    for axes in figure.axes:
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=8)
    text = io.StringIO()
    with matplotlib.rc_context({'svg.hashsalt': 'ocrnet'}):
        figure.savefig(text, format='svg', metadata=dict(Date=None))
    return text.getvalue()[text.getvalue().index('<svg') :]
