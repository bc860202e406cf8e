"""Whether a training's image scale and crop fit its objects, and which would.

N objects; plain functions of arrays, sizes are (width, height).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

SMALL = 4  # pixels: a side below it is less than one cell of the finest map
MANY = 0.2  # share of objects that do not fit which is worth a line
ZOOMS = 5  # at which a range of zooms is looked at
# What fits, measured with the narrow net: crops of 128 px of pictures of 384 px for objects of 10
# to 60 px there (bccd, nuclei, robosoccer, aerial_cars); whole pictures of 128 px for objects of
# half a picture: 37 box AP, 2 with those crops.
SIDES = (24, 32)  # pixels, that the median object is to have
LEAST_SIDE = 8  # pixels, that 9 of 10 objects are to have
SCALES = (128, 2048)  # pixels of the longest side
CROPS = (128, 512)
STEP = 32  # the coarsest stride
ZOOM = (0.7, 1.4)  # of a training picture in configs/_base_/small_data.py


@dataclass
class View:
    """What a training pipeline makes of a picture.

    Attributes:
        scales: Long and short side that a picture is fitted into, as mmcv's keep_ratio does; one is
            drawn.
        zooms: Least and largest factor on them.
        crop: Width and height of the crop, pixels; None without one.
        least: Width and height that an object has to exceed in the crop, pixels.
    """

    scales: list[tuple[int, int]]
    zooms: tuple[float, float] = (1.0, 1.0)
    crop: tuple[int, int] | None = None
    least: tuple[float, float] = (0, 0)


def view_of(pipeline: Sequence[dict]) -> View | None:
    """The view of a pipeline that resizes once and may crop after that; None of any other."""
    view = None
    for step in pipeline:
        kind = step.get('type')
        if kind in ('Resize', 'RandomResize', 'RandomChoiceResize'):
            view = None if view else _resized(step)
            if view is None:
                return None
        elif kind == 'RandomCrop' and view:
            if view.crop or step.get('crop_type', 'absolute') != 'absolute':
                return None
            view.crop = tuple(step['crop_size'])[::-1]  # mmdet's is height, width
        elif kind == 'FilterAnnotations' and view and step.get('by_box', True):
            view.least = tuple(step.get('min_gt_bbox_wh', (1, 1)))
        elif kind in (
            'Mosaic',
            'RandomAffine',
            'RandomCenterCropPad',
            'Expand',
            'MinIoURandomCrop',
            'TransformBroadcaster',
        ):
            return None
    return view


def _resized(step: dict) -> View | None:
    scales = step.get('scales') if step['type'] == 'RandomChoiceResize' else [step.get('scale')]
    pairs = [_pair(scale) for scale in scales or [None]]
    whole = [pair for pair in pairs if pair]
    if not step.get('keep_ratio') or whole != pairs:
        return None
    return View(whole, tuple(step.get('ratio_range') or (1.0, 1.0)))


def _pair(scale: object) -> tuple[int, int] | None:
    sides = (scale, scale) if isinstance(scale, int) else scale
    if not isinstance(sides, (list, tuple)) or [type(s) for s in sides] != [int, int]:
        return None
    return max(sides), min(sides)


def shares(boxes: np.ndarray, sizes: np.ndarray, view: View) -> dict[str, float]:
    """Shares of objects, over the view's scales and zooms.

    Args:
        boxes: (N, 4) xywh, pixels of the picture.
        sizes: (N, 2) of each one's picture.
        view: Of the training pipeline.

    Returns:
        ``small``: a side below SMALL; ``cut``: no crop holds it whole; ``lost``: too small to be
        kept, at any zoom.
    """
    sides = _within(boxes, sizes)
    zooms = np.unique(np.linspace(*view.zooms, ZOOMS))
    factors = [_factor(sizes, scale) * zoom for scale in view.scales for zoom in zooms]
    drawn = np.stack(factors)[..., None] * sides  # (scales x zooms, N, 2)
    cut = (drawn > np.array(view.crop or (np.inf, np.inf)) + 1).any(-1)
    lost = (drawn <= np.array(view.least)).any(-1).all(0)
    return dict(small=(drawn < SMALL).any(-1).mean(), cut=cut.mean(), lost=lost.mean())


def too_small(boxes: np.ndarray, sizes: np.ndarray, scale: int) -> np.ndarray:
    """(N,) bool: a side is below SMALL where pictures are resized to ``scale``, their longest side.

    Args:
        boxes: (N, 4) xywh, pixels of the picture; ``sizes``: (N, 2) of each one's picture.
    """
    return np.any(drawn_sides(boxes, sizes, scale) < SMALL, axis=1)


def drawn_sides(boxes: np.ndarray, sizes: np.ndarray, scale: int) -> np.ndarray:
    """(N, 2) width and height in the resized picture, pixels; arguments of :func:`too_small`."""
    return _within(boxes, sizes) * _factor(sizes, (scale, scale))[:, None]


def _within(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(N, 2) width and height of what lies in the picture, pixels."""
    ends = np.minimum(boxes[:, :2] + boxes[:, 2:], sizes)
    return np.maximum(ends - np.maximum(boxes[:, :2], 0), 0)


def _factor(sizes: np.ndarray, scale: tuple[int, int]) -> np.ndarray:
    """(N,) by which mmcv resizes a picture to a scale, its ratio kept."""
    return np.minimum(scale[0] / sizes.max(1), scale[1] / sizes.min(1))


def fitting(boxes: np.ndarray, sizes: np.ndarray) -> tuple[int, int]:
    """Longest side of the pictures and side of a square crop, in pixels, that fit the objects.

    Pictures keep their own size as far as the median object then has SIDES pixels (the root of its
    area); 9 of 10 get LEAST_SIDE, and 9 of 10, seen at any zoom, lie whole in the crop; all within
    SCALES and CROPS.
    """
    sides, longest = _within(boxes, sizes), sizes.max(1)
    relative = np.sqrt(sides.prod(1)) / longest
    own = np.clip(np.median(longest), *np.array(SIDES) / np.median(relative))
    scale = _steps(max(own, LEAST_SIDE / np.quantile(relative, 0.1)), *SCALES)
    drawn = np.outer(np.linspace(*ZOOM, ZOOMS), sides.max(1) / longest) * scale
    return scale, _steps(np.quantile(drawn, 0.9), *CROPS)


def _steps(pixels: float, least: int, most: int) -> int:
    return int(np.clip(np.ceil(pixels / STEP) * STEP, least, most))


def misfits(
    boxes: np.ndarray, sizes: np.ndarray, pipeline: Sequence[dict], place: str
) -> list[str]:
    """A line where a training pipeline's scale and crop do not fit the objects.

    Args:
        boxes: (N, 4) xywh of the objects to be trained on; ``sizes`` as of :func:`shares`.
        pipeline: Config of the transforms; of one that does more than resize and crop, nothing is
            said.
        place: Name of the data set, for the message.

    Raises:
        InputError: No object is left.
    """
    view = view_of(pipeline)
    if view is None or not len(boxes):
        return []
    bad, (scale, crop) = shares(boxes, sizes, view), fitting(boxes, sizes)
    if bad['lost'] < 1 and max(bad['small'], bad['cut']) <= MANY:
        return []
    view_text = f'pictures of {" or ".join(f"{a}x{b}" for a, b in view.scales[:3])} px' + (
        f' and crops of {view.crop[0]}x{view.crop[1]} px' if view.crop else ''
    )
    fix = f'resize to about {scale} px' + (f' and crop {crop} px' if view.crop else '')
    if bad['lost'] == 1:
        raise InputError(
            f'{place}: with {view_text} none of the {len(boxes)} objects keeps the '
            f'{view.least[0]}x{view.least[1]} px that FilterAnnotations asks for: {fix}'
        )
    return [
        f'{place}: {view_text} do not fit the objects: {bad["cut"]:.0%} lie whole in no crop, '
        f'{bad["small"]:.0%} are under {SMALL} px wide or high; {fix}'
    ]
