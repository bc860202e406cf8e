"""Candidates of a region head, level by level."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmdet.structures.bbox import get_box_tensor
from mmengine.structures import InstanceData
from torch import nn

from ..canvas import Colour, draw_box, enlarged
from ..errors import InputError, require
from .detector import Seen, load_detector, see
from .pictures import pictures_of
from .sheet import captioned, contact_sheet

BEST = 50  # candidates of a level
NOTHING = -1e4  # logit of the other levels' candidates: a score of 0, and finite in half precision
# From the lowest to the highest score: dark blue, through purple and orange, to light yellow.
SCALE = ((140, 60, 40), (160, 60, 150), (90, 100, 235), (30, 170, 255), (140, 245, 255))


def draw_candidates(
    checkpoint: str, named: Sequence[str], score: float, most: int
) -> tuple[np.ndarray, list[str]]:
    """A sheet with a row a picture and a panel a level, and a line on each picture.

    Args:
        named: Pictures and folders of them.
        score: Least score of a candidate that is drawn.
        most: Pictures of a folder.

    Raises:
        InputError: Checkpoint or picture cannot be used.
    """
    require('--score', score, low=0, high=1)
    paths = pictures_of(named, most)
    model = load_detector(checkpoint, classifies=False)
    panels, lines, columns = [], [], 1
    for path in paths:
        seen = see(model, path)
        levels = level_candidates(model, seen, score)
        columns = len(levels)
        for i, (found, stride) in enumerate(zip(levels, strides_of(model))):
            caption = f'{Path(path).name}, level {i}, stride {stride} px: {_said(found, score)}'
            panels.append(captioned(draw_scored(seen.image, found), caption))
        lines.append(f'{path}: {", ".join(str(len(found)) for found in levels)} candidates')
    title = f'Candidates of the region head by level, score >= {score:g}, the best {BEST} of each'
    return contact_sheet(panels, title, legend(score), columns), lines


def _said(found: InstanceData, score: float) -> str:
    if not len(found):
        return f'none of {score:g} or more'
    return f'{len(found)}, best {found.scores.max():.2f}'


@torch.no_grad()
def level_candidates(model: nn.Module, seen: Seen, score: float) -> list[InstanceData]:
    """Up to ``BEST`` candidates of each level alone, best first, in pixels of the picture.

    Raises:
        InputError: The region head is no one-step head whose first output are the scores.
    """
    outputs = model.rpn_head(seen.levels)
    if not (isinstance(outputs, tuple) and len(outputs) == 2 and isinstance(outputs[0], list)):
        raise InputError(
            f'the candidates of {type(model.rpn_head).__name__} have no levels that can be read: '
            'name a checkpoint whose rpn_head is OCRNetRegionHead or RPNHead'
        )
    scores, boxes = outputs
    cfg = copy.deepcopy(model.test_cfg.rpn)
    cfg.max_per_img = BEST
    found = []
    for i in range(len(scores)):
        alone = [own if j == i else torch.full_like(own, NOTHING) for j, own in enumerate(scores)]
        (level,) = model.rpn_head.predict_by_feat(
            alone, boxes, batch_img_metas=[seen.meta], cfg=cfg, rescale=True
        )
        level.bboxes = get_box_tensor(level.bboxes)
        found.append(level[level.scores >= max(score, 1e-6)])
    return found


def strides_of(model: nn.Module) -> list[int]:
    """Of the region head's levels, pixels of the network's input."""
    strides = model.rpn_head.prior_generator.strides  # a number or a pair a level
    return [int(np.max(stride)) for stride in strides]


def draw_scored(image: np.ndarray, found: InstanceData) -> np.ndarray:
    """The picture with boxes coloured by score, the best drawn last."""
    canvas, factor = enlarged(image, 420)
    boxes, scores = found.bboxes.cpu().numpy() * factor, found.scores.tolist()
    for i in reversed(range(len(boxes))):
        draw_box(canvas, boxes[i], colour_of(scores[i]), 1)
    return canvas


def colour_of(score: float) -> Colour:
    """Of a score in [0, 1]: a step of a fifth each."""
    return SCALE[min(int(score * len(SCALE)), len(SCALE) - 1)]


def legend(score: float) -> dict[str, Colour]:
    """The scores of the colours that can occur."""
    steps = [i / len(SCALE) for i in range(len(SCALE) + 1)]
    return {
        f'score {max(low, score):g} to {high:g}': colour
        for low, high, colour in zip(steps, steps[1:], SCALE)
        if high > score
    }
