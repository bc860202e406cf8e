"""Where one detection's region looked: inside, at other regions, and at which pyramid levels.

Shape shorthand: L levels, N regions of the picture, G side of a region's grid of tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from ..errors import InputError
from ..models.roi_extractor import OCRNetRoIExtractor
from ..pretraining.slots import box_forward
from .attention import recorded_attention
from .detector import Seen, check_detection, classes_of, load_detector, see, source_region

# A colour scale ends at the highest share of all layers, or at this many times an even one: what is
# spread evenly is then of a middle tone in every layer.
ABOVE_EVEN = 2
SHOWN = 15  # other regions of a layer, those with the highest weights
NAMED = 5  # of them, whose weights are written where they are well over an even share
SIDE = 4.6  # inches of a panel
# from yellow to dark red; nothing of it is pale on the grey ground
HEAT = LinearSegmentedColormap.from_list('heat', ['#ffd24d', '#f28e1c', '#d7301f', '#67000d'])


@dataclass
class Looked:
    """What the region of one detection attends to; each row of weights adds up to 1.

    Attributes:
        box: (4,) xyxy of the region, pixels of the picture.
        others: (N, 4) likewise of all regions.
        within: (layers, 1 + G*G) over the region's vector and its tokens, row by row.
        between: (layers, 1 + N) over nobody and all regions, itself among them.
        levels: (L,)
        strides: Of the levels, pixels.
        region: Its index among the N.
    """

    box: np.ndarray
    others: np.ndarray
    within: Tensor
    between: Tensor
    levels: Tensor
    strides: list[int]
    region: int


def draw_attention(checkpoint: str, picture: str, detection: int) -> tuple[np.ndarray, list[str]]:
    """The sheet of one detection (0 is the best), BGR, and a line on each of the best ones.

    Raises:
        InputError: The detector has no aggregator, or the picture no such detection.
    """
    model = load_detector(checkpoint)
    check_aggregator(model, checkpoint)
    seen = see(model, picture)
    check_detection(seen, detection)
    figure = figure_of(model, seen, detection, look_at(model, seen, detection))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    lines = [f'{i}: {_named(model, seen, i)}' for i in range(min(10, len(seen.found)))]
    return cv2.cvtColor(np.asarray(canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR), lines


def check_aggregator(model: nn.Module, name: str) -> None:
    """Raise InputError of a detector that computes no attention between regions."""
    if not hasattr(model.roi_head, 'aggregator'):
        raise InputError(
            f'{name} has a {type(model.roi_head).__name__}, which has no aggregator and so no '
            'attention: name a checkpoint with an OCRNetRoIHead; candidates, neighbours and '
            'errors work with any two-stage detector'
        )


@torch.no_grad()
def look_at(model: nn.Module, seen: Seen, detection: int) -> Looked:
    """Read the weights while the box branch runs once more; the mean over the heads."""
    region, head = source_region(model, seen, detection), model.roi_head
    with recorded_attention(head.aggregator) as recorded:
        box_forward(head, seen.levels, seen.rois, 0.0)
    extractor = head.bbox_roi_extractor
    pooled = seen.levels[: extractor.num_inputs]
    levels = torch.ones(len(pooled)) / len(pooled)
    if isinstance(extractor, OCRNetRoIExtractor):
        levels = extractor.level_weights(pooled, seen.rois)[region]
    return Looked(
        seen.regions[region],
        seen.regions,
        torch.stack([layer[region].mean(0)[0] for layer in recorded.within]).cpu(),
        torch.stack([layer[0].mean(0)[region] for layer in recorded.between]).cpu(),
        levels.cpu(),
        extractor.featmap_strides,
        region,
    )


def figure_of(model: nn.Module, seen: Seen, detection: int, looked: Looked) -> Figure:
    """A column of the detection and its levels, then one of each layer."""
    layers = len(looked.within)
    figure = Figure((SIDE * (1 + layers), 2 * SIDE + 1.2), dpi=100, layout='constrained')
    figure.suptitle(
        f'{Path(seen.path).name}, detection {detection}: {_named(model, seen, detection)}. '
        'Shares are means over the attention heads.',
        fontsize=15,
    )
    axes = figure.subplots(2, 1 + layers, squeeze=False)
    _draw_detection(axes[0, 0], seen, detection, looked)
    _draw_levels(axes[1, 0], looked)
    others = looked.between[:, 1:].clone()
    others[:, looked.region] = 0
    scales = [_scale(others), _scale(looked.within[:, 1:])]
    for layer in range(layers):
        _draw_between(axes[0, 1 + layer], seen, looked, layer, scales[0])
        _draw_within(axes[1, 1 + layer], seen, looked, layer, scales[1])
    for row, scale in zip(axes, scales):
        bar = figure.colorbar(ScalarMappable(scale, HEAT), ax=row[1:].tolist(), shrink=0.7)
        bar.set_label('share of the attention', fontsize=12)
        bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _scale(shares: Tensor) -> Normalize:
    """From 0, of shares (layers, n)."""
    return Normalize(0, max(float(shares.max()), ABOVE_EVEN / max(1, int((shares[0] > 0).sum()))))


def _named(model: nn.Module, seen: Seen, detection: int) -> str:
    """Class, score and box of a detection."""
    label, score = int(seen.found.labels[detection]), float(seen.found.scores[detection])
    box = ', '.join(f'{side:.0f}' for side in seen.found.bboxes[detection].tolist())
    return f'{classes_of(model)[label]} {score:.2f} at ({box})'


def _outline(axes: Axes, box: np.ndarray, **style) -> None:
    x0, y0, x1, y1 = (float(side) for side in box)
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, **{'fill': False, **style}))


def _show(axes: Axes, image: np.ndarray, title: str, left: float = 0, top: float = 0) -> None:
    """A BGR picture whose upper left corner is (left, top) in the axes' coordinates."""
    height, width = image.shape[:2]
    axes.imshow(image[..., ::-1], extent=(left, left + width, top + height, top))
    axes.set_title(title, fontsize=12)
    axes.set_axis_off()


def _draw_detection(axes: Axes, seen: Seen, detection: int, looked: Looked) -> None:
    _show(axes, seen.image, 'the region that was read, and\nthe detection that it became')
    _outline(axes, looked.box, edgecolor='white', linewidth=4)
    _outline(axes, looked.box, edgecolor='#1f6fb4', linewidth=2, label='region')
    box = seen.found.bboxes[detection].cpu().numpy()
    _outline(axes, box, edgecolor='#d62728', linewidth=2, linestyle='--', label='detection')
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.01), ncols=2, fontsize=11)


def _draw_levels(axes: Axes, looked: Looked) -> None:
    names = [f'{i}\nstride {stride}' for i, stride in enumerate(looked.strides)]
    bars = axes.bar(names, looked.levels.numpy(), color='#1f6fb4')
    axes.bar_label(bars, [f'{share:.0%}' for share in looked.levels.tolist()], fontsize=12)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of the region's features", fontsize=12)
    axes.set_title('pyramid levels that the region is read from', fontsize=12)
    axes.tick_params(labelsize=11)
    axes.spines[['top', 'right']].set_visible(False)


def _draw_between(axes: Axes, seen: Seen, looked: Looked, layer: int, scale: Normalize) -> None:
    """The regions that were attended to most, by colour; lines lead to what stands out."""
    weights = looked.between[layer]
    even = 1 / int((weights > 0).sum())  # of those that may be seen
    others = weights[1:].clone()
    own = float(others[looked.region])
    others[looked.region] = 0
    grey = cv2.cvtColor(cv2.cvtColor(seen.image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    _show(
        axes,
        (0.5 * grey + 90).astype(np.uint8),
        f'layer {layer + 1}, other regions: {others.sum():.0%}\n'
        f'itself {own:.0%}, nobody {weights[0]:.0%} (an even share: {even:.1%})',
    )
    best = others.argsort(descending=True)[:SHOWN].tolist()
    start = looked.box.reshape(2, 2).mean(0)
    for rank, i in reversed(list(enumerate(best))):
        if others[i] <= 0:
            continue
        tone = scale(float(others[i]))
        colour = HEAT(tone)
        end = looked.others[i].reshape(2, 2).mean(0)
        _outline(axes, looked.others[i], edgecolor=colour, linewidth=2)
        if others[i] <= ABOVE_EVEN * even:
            continue
        axes.plot(*zip(start, end), color=colour, linewidth=0.5 + 3 * tone)
        if rank < NAMED:
            style = dict(boxstyle='round,pad=0.15', facecolor='white', edgecolor=colour)
            axes.text(
                end[0],
                end[1],
                f'{others[i]:.1%}',
                fontsize=11,
                ha='center',
                va='center',
                bbox=style,
            )
    _outline(axes, looked.box, edgecolor='#1f6fb4', linewidth=3)


def _draw_within(axes: Axes, seen: Seen, looked: Looked, layer: int, scale: Normalize) -> None:
    """The region's grid, each place tinted by its share."""
    own, *tokens = looked.within[layer].tolist()
    side = math.isqrt(len(tokens))
    height, width = seen.image.shape[:2]
    x0, y0, x1, y1 = looked.box
    margin = 0.15 * max(x1 - x0, y1 - y0)
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    right, bottom = min(width, int(x1 + margin) + 1), min(height, int(y1 + margin) + 1)
    title = f"layer {layer + 1}, inside: {sum(tokens):.0%}\nthe region's own vector {own:.0%}"
    _show(axes, seen.image[top:bottom, left:right], title, left, top)
    step = np.array([x1 - x0, y1 - y0]) / side
    for i, share in enumerate(tokens):
        corner = np.array([x0, y0]) + step * (i % side, i // side)
        place = [*corner, *(corner + step)]
        tint = HEAT(scale(share))
        _outline(axes, np.array(place), fill=True, facecolor=tint, alpha=0.4, edgecolor='none')
        _outline(axes, np.array(place), edgecolor='#1f6fb4', linewidth=1.5)
        x, y = (float(side) for side in corner + step / 2)
        style = dict(boxstyle='round,pad=0.15', facecolor='white', edgecolor='none', alpha=0.85)
        axes.text(x, y, f'{share:.0%}', fontsize=13, ha='center', bbox=style)
