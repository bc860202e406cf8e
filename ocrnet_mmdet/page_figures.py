"""Axes and SVG of the figures in pages."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

COLOURS = ('#1f6fb4', '#c8561b', '#2b8a4b', '#8d4fa8', '#7a5c3e', '#b3306b', '#12858a', '#a08a00')
AUTOMATIC = r'_(child|container|nolegend)'  # labels of matplotlib's own
SIZE = (4.6, 3.4)  # inches: two or three side by side on a desk's screen, legible on a telephone's


def labelled_axes(x: str, y: str) -> tuple[Figure, Axes]:
    """A figure with one pair of axes of these labels."""
    figure = Figure(SIZE, layout='constrained')
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    plain(axes)
    return figure, axes


def plain(axes: Axes) -> None:
    """Leave out the frame's top and right, and draw a faint grid."""
    axes.spines[['top', 'right']].set_visible(False)
    axes.grid(alpha=0.25)


def as_svg(figure: Figure) -> str:
    """The figure with its legends, the same bytes each time; names of any letters, $ and _ too."""
    artists: list[Any] = [
        one for axes in figure.axes for one in (*axes.lines, *axes.patches, *axes.containers)
    ]
    for artist in artists:
        label = str(artist.get_label())
        if label.startswith('_') and not re.match(AUTOMATIC, label):
            artist.set_label(f' {label}')  # or the legend leaves it out
    for axes in figure.axes:
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=9)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    content = io.StringIO()
    with matplotlib.rc_context({'svg.hashsalt': 'ocrnet'}):
        figure.savefig(content, format='svg', metadata=dict(Date=None))
    return content.getvalue()[content.getvalue().index('<svg') :]
