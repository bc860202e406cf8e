"""Which pictures to label first, where there is neither a label nor a detector yet.

Each picture is what an encoder with ImageNet weights sees in it as a whole; the chosen ones stand
for as many others as they can, see pick.py.

Shape shorthand: H height and W width, C channels of the encoder's last map.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import mmcv
import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch import nn

from ..datasets.listing import list_pictures
from ..datasets.near_duplicates import print_of
from ..datasets.picture import PictureError, decode_picture
from ..errors import InputError, require, shown
from ..predict.progress import Progress
from ..whole_file import write_rows
from .pick import pick

LIST = 'first.txt'
SIDE = 224  # longest side of a picture as the encoder sees it, pixels


def name_first(pictures: Path, count: int, encoder: Path, out: Path) -> list[str]:
    """Write ``first.txt``: number, path and reason of the pictures to label first, the best first.

    Args:
        pictures: Folder of the pictures, at any depth.
        count: How many to name.
        encoder: Config with ``lite0`` and ``lite0_pixels``.
        out: Folder of the list.

    Returns:
        What there is to say, in lines.

    Raises:
        InputError: ``count`` is no number from 1, or no picture can be read.
    """
    require('--first', count, int, low=1)
    names = [os.fsdecode(name) for name in list_pictures(str(pictures))]
    chosen, failed = choose(pictures, names, count, encoder)
    write_rows(
        out / LIST,
        [
            (str(i), str(pictures / name), f'stands for {covers} pictures')
            for i, (name, covers) in enumerate(chosen.items(), 1)
        ],
    )
    read = len(names) - len(failed)
    lines = [f'{len(chosen)} of {read} pictures to label first, the best first: {out / LIST}']
    if len(chosen) < count:
        lines.append(f'{count} were asked for: all others are copies of these')
    if failed:
        lines.append(f'{len(failed)} pictures cannot be read, such as {shown(failed[0])}')
    return lines


def choose(
    pictures: Path, names: Sequence[str], count: int, encoder: Path
) -> tuple[dict[str, int], list[str]]:
    """Those of ``names`` to label first with the number of pictures that each stands for, and those
    that cannot be read.

    Raises:
        InputError: None can be read.
    """
    eye = Eye(encoder)
    read, vectors, prints, failed = [], [], [], []
    progress = Progress(len(names))
    for name in names:
        try:
            image = decode_picture((pictures / name).read_bytes())
        except (PictureError, OSError):
            failed.append(name)
        else:
            read.append(name)
            vectors.append(eye.vector(image))
            prints.append(print_of(image))
        progress.add(1)
    if not read:
        raise InputError(f'{pictures} holds no picture that can be read: correct --pictures')
    none = np.zeros(len(read))
    picks = pick(np.stack(vectors), none, none.astype(bool), count, np.stack(prints))
    return {read[one.index]: one.covers for one in picks}, failed


class Eye:
    """An encoder with ImageNet weights.

    Args:
        config: File with ``lite0``, the encoder, and ``lite0_pixels``, its preprocessor.
    """

    def __init__(self, config: Path) -> None:
        cfg = Config.fromfile(config)
        given = cfg.lite0_pixels
        # not by the preprocessor itself, which pads: what it adds would be in the mean
        self.normalise = dict(
            mean=np.array(given.mean), std=np.array(given.std), to_rgb=given.bgr_to_rgb
        )
        with DefaultScope.overwrite_default_scope('mmdet'), _quiet():
            self.encoder: nn.Module = MODELS.build(cfg.lite0)
            self.encoder.init_weights()
        self.encoder.eval()

    @torch.no_grad()
    def vector(self, image: np.ndarray) -> np.ndarray:
        """(C,) of length 1: the mean of the encoder's last map.

        Args:
            image: (H, W, 3) uint8 BGR.
        """
        height, width = image.shape[:2]
        share = SIDE / max(height, width)
        size = max(1, round(width * share)), max(1, round(height * share))
        small = mmcv.imresize(image, size, interpolation='area')
        pixels = mmcv.imnormalize(small, **self.normalise)
        last = self.encoder(torch.from_numpy(pixels.transpose(2, 0, 1))[None])[-1]
        vector = last.mean((2, 3))[0].numpy()
        return vector / np.linalg.norm(vector)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without mmengine's line on each weight."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
