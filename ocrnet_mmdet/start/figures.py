"""The figures of the data check, as SVG, in the style of all pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..datasets.object_sizes import SMALL
from ..page_figures import SIZE, as_svg, labelled_axes, plain

MOST_CLASSES = 80  # COCO's; of more the rarest are drawn
ROWS, FEWEST = 11, 3  # classes of a figure, and those that would fit at least
PARTS = dict(train='#b4bac1', val='#3c434b')  # greys: on this page a colour is a class
BINS = 30


def balance(counts: Mapping[str, Mapping[str, int]], colours: Mapping[str, str]) -> list[str]:
    """Objects of each class in each part, as bars with their numbers; ROWS classes a figure.

    Args:
        counts: Of a part the objects by class.
        colours: Of the classes' names.
    """
    names = sorted(counts['train'], key=lambda name: -counts['train'][name])[-MOST_CLASSES:]
    rows = -(-len(names) // -(-len(names) // ROWS))  # of bars of one height
    return [_bars(names[i : i + rows], rows, counts, colours) for i in range(0, len(names), rows)]


def _bars(
    names: Sequence[str],
    rows: int,
    counts: Mapping[str, Mapping[str, int]],
    colours: Mapping[str, str],
) -> str:
    figure = Figure(SIZE, layout='constrained')
    axes = figure.subplots()
    for i, (part, colour) in enumerate(PARTS.items()):
        values = [counts[part].get(name, 0) for name in names]
        places = np.arange(len(names)) + 0.4 * i - 0.2
        bars = axes.barh(places, values, 0.38, color=colour, label=part)
        axes.bar_label(bars, padding=2, fontsize=7)
    axes.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    for label, name in zip(axes.get_yticklabels(), names):
        label.set_color(colours[name])
    axes.set_ylim(max(rows, FEWEST) + 0.8, -0.6)  # room for the legend
    axes.margins(x=0.12)  # and for the numbers
    axes.set_xlabel('objects')
    plain(axes)
    return as_svg(figure)


def _short(name: str) -> str:
    return name if len(name) < 24 else f'{name[:22]}…'


def sizes(sides: Mapping[str, np.ndarray], marks: Mapping[str, float]) -> str:
    """Histograms of objects' sides on an axis of logarithms.

    Args:
        sides: Of each part (N,) pixels of a resized picture.
        marks: Lengths to mark by name, pixels.
    """
    figure, axes = labelled_axes('root of width x height, px in the resized picture', 'objects')
    every = np.concatenate([*sides.values(), [*marks.values()]])
    bins = np.geomspace(max(every.min(), 0.5), every.max() * 1.05, BINS)
    _histograms(axes, sides, bins)
    for i, (name, length) in enumerate(marks.items()):
        axes.axvline(
            length, color='black', linestyle=('-', '--', ':')[i], label=f'{name}: {length}'
        )
    axes.axvspan(bins[0], SMALL, color='#a3261b', alpha=0.08, linewidth=0, label=f'below {SMALL}')
    axes.set_xlim(bins[0], bins[-1])
    return as_svg(figure)


def ratios(widths_to_heights: Mapping[str, np.ndarray]) -> str:
    """Histograms of width to height; the crop's, which is square, is marked.

    Args:
        widths_to_heights: Of each part (N,).
    """
    figure, axes = labelled_axes('width / height', 'objects')
    most = max(2.0, *(np.maximum(r, 1 / r).max(initial=1) for r in widths_to_heights.values()))
    _histograms(axes, widths_to_heights, np.geomspace(1 / most, most, BINS))
    axes.axvline(1, color='black', linestyle='--', label='square, as the crop is')
    return as_svg(figure)


def _histograms(axes: Axes, values: Mapping[str, np.ndarray], bins: np.ndarray) -> None:
    for part, numbers in values.items():
        number, _ = np.histogram(np.clip(numbers, bins[0], bins[-1]), bins)
        fill = part == 'train'  # val's as a line over it
        axes.stairs(number, bins, color=PARTS[part], label=part, fill=fill)
    axes.set_xscale('log', base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _fraction(x)))


def _fraction(number: float) -> str:
    return f'{number:g}' if number >= 1 else f'1/{1 / number:g}'
