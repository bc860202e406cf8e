"""A report's curves, as SVG, in the style of a comparison's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..page_figures import COLOURS, as_svg, labelled_axes

Points = Sequence[tuple[float, float]]
MOST = 400  # points of a line: the page stays small, and no screen shows more
HEALTHY = '#2b8a4b'


def lines(
    series: Mapping[str, Points],
    y: str,
    x: str = 'step',
    band: tuple[float | None, float | None] | None = None,
    limits: tuple[float, float] | None = None,
) -> str:
    """A line of each.

    Args:
        series: Points by name; one line without a name has no legend.
        band: Least and greatest healthy value, shaded; None is open.
        limits: Of both axes.
    """
    figure, axes = labelled_axes(x, y)
    styles = ('-', '--', ':')
    for i, (name, points) in enumerate(series.items()):
        xs, ys = zip(*thinned(points))
        axes.plot(
            xs,
            ys,
            styles[i // len(COLOURS) % len(styles)],
            color=COLOURS[i % len(COLOURS)],
            marker='o' if len(xs) == 1 else None,
            label=name or None,
        )
    if band:
        low, high = axes.get_ylim()
        least = -np.inf if band[0] is None else band[0]
        most = np.inf if band[1] is None else band[1]
        if most < low:  # some of the band is seen all the same
            low = most - 0.15 * (high - most)
        if least > high:
            high = least + 0.15 * (least - low)
        axes.axhspan(max(low, least), min(high, most), color=HEALTHY, alpha=0.12, linewidth=0)
        axes.set_ylim(low, high)
    if limits:
        axes.set_xlim(*limits)
        axes.set_ylim(limits[0], limits[1] * 1.02)
    return as_svg(figure)


def thinned(points: Points) -> Points:
    """Every n-th point, the last one always."""
    step = -(-len(points) // MOST)
    return [*points[: len(points) - 1 : step], points[-1]]
