"""Regions that are discovered in pictures without labels, as a pretraining would use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config

from ..canvas import BLUE, GREEN, ORANGE, PURPLE, Colour, draw_mask, enlarged
from ..datasets.load_image import read_picture
from ..errors import InputError
from ..pretraining.discover import discovery_in
from ..pretraining.regions import Regions, discover_regions
from .pictures import pictures_of
from .sheet import SIDE, captioned, contact_sheet

# Side (root of width x height) as a share of the picture's, from which on a colour holds.
SIZES: tuple[tuple[float, str, Colour], ...] = (
    (0.4, 'over 40 % of the side', PURPLE),
    (0.2, '20 to 40 %', BLUE),
    (0.1, '10 to 20 %', GREEN),
    (0.0, 'under 10 %', ORANGE),
)


def draw_regions(
    named: Sequence[str], config: Path | None, count: int, most: int
) -> tuple[np.ndarray, list[str]]:
    """A sheet of each picture's best ``count`` regions, coloured by size, and a line on each.

    Args:
        named: Pictures and folders of them.
        config: A pretraining's, whose settings are taken.
        most: Pictures of a folder.

    Raises:
        InputError: A picture cannot be read, or the config discovers no regions.
    """
    settings = _settings(config) if config else {}
    panels, lines = [], []
    for path in pictures_of(named, most):
        image = read_picture(path)
        regions = discover_regions(image, **settings)
        drawn = outlined(image, regions, count)
        shown = min(count, len(regions))
        panels.append(captioned(drawn, f'{Path(path).name}: {shown} of {len(regions)} regions'))
        lines.append(f'{path}: {len(regions)} regions')
    size = f'discovered at {settings["size"]} px, ' if settings else ''
    title = f'Regions without labels, {size}the best {count} of each picture; colour: side'
    return contact_sheet(panels, title, {name: colour for _, name, colour in SIZES}), lines


def outlined(image: np.ndarray, regions: Regions, count: int) -> np.ndarray:
    """The picture with the outlines of its best ``count`` regions, the smallest drawn last."""
    canvas, _ = enlarged(image, SIDE)
    sides = np.sqrt((regions.boxes[:count, 2:] - regions.boxes[:count, :2]).prod(1))
    shares = sides / np.sqrt(np.prod(regions.shape))
    for i in np.argsort(-shares, kind='stable'):
        draw_mask(canvas, regions.segments[i], colour_of(float(shares[i])))
    return canvas


def colour_of(share: float) -> Colour:
    """Of a region whose side is that share of the picture's."""
    return next(colour for least, _, colour in SIZES if share >= least)


def _settings(config: Path) -> dict:
    if not config.is_file():
        raise InputError(f'config {config} does not exist: name a pretraining config')
    settings = discovery_in(Config.fromfile(config).get('train_dataloader'))
    if settings:
        return settings
    raise InputError(
        f'{config} has no OCRNetDiscoverRegions in its training pipeline: name a pretraining '
        'config, such as the pretrain.py that tools/start.py writes'
    )
