"""Regions of a folder that are most like a detection's region to the detector.

Shape shorthand: Q regions asked about, N regions of the folder, C channels of a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.ops import nms
from torch import Tensor, nn

from ..canvas import BLUE, GREEN, Colour, draw_box
from ..datasets.load_image import read_picture
from ..errors import InputError
from ..evaluation.matching import as_xywh, overlaps
from .detector import (
    Seen,
    check_detection,
    classes_of,
    load_detector,
    see,
    source_region,
    vectors_of,
)
from .pictures import pictures_of
from .sheet import captioned, contact_sheet

BEST = 30  # regions of a picture, of which no two overlap by SAME
SAME = 0.5  # IoU
ROWS, COLUMNS = 6, 8
SIDE = 190  # of a crop, pixels
MARGIN = 0.25  # of a box's longer side, that is shown around it


@dataclass
class Region:
    """A region of a picture: ``box`` (4,) xyxy in its pixels, ``score`` of the region head."""

    path: str
    box: np.ndarray
    score: float


def draw_neighbours(
    checkpoint: str, picture: str, folder: str, detection: int | None, most: int
) -> tuple[np.ndarray, list[str]]:
    """A row of crops for a detection, or for the best ``ROWS``, and a line on each.

    Args:
        detection: 0 is the best; None takes the best ones.
        most: Pictures of the folder.

    Raises:
        InputError: Something named cannot be used, or the picture has no such detection.
    """
    paths = pictures_of([folder], most)
    model = load_detector(checkpoint)
    seen = see(model, picture)
    check_detection(seen, detection or 0)
    asked = [detection] if detection is not None else list(range(min(ROWS, len(seen.found))))
    own = [source_region(model, seen, i) for i in asked]
    regions, vectors = regions_of(model, paths)
    similar = cosines(vectors_of(model, seen)[own], vectors)
    panels, lines = [], []
    for i, row, region in zip(asked, similar, own):
        hide_itself(row, regions, picture, seen.regions[region])
        best = [j for j in row.argsort(descending=True)[:COLUMNS].tolist() if row[j] > -2]
        name = f'detection {i}: {_named(model, seen, i)}'
        panels.append(_panel(seen.image, seen.regions[region], name, BLUE))
        panels += [_neighbour(regions[j], float(row[j])) for j in best]
        panels += [np.full_like(panels[-1], 255)] * (COLUMNS - len(best))
        nearest = ', '.join(f'{Path(regions[j].path).name} {row[j]:.2f}' for j in best[:3])
        lines.append(f'{name}: {nearest}')
    title = (
        f'Nearest of {len(regions)} regions in {len(paths)} pictures of {folder}, by the cosine '
        'between the vectors that the classifier reads'
    )
    legend = {f'detection of {Path(picture).name}': BLUE, 'its nearest regions, best first': GREEN}
    return contact_sheet(panels, title, legend, 1 + COLUMNS), lines


def cosines(asked: Tensor, vectors: Tensor) -> Tensor:
    """(Q, N) of vectors (Q, C) and (N, C); of a vector of zeros 0."""
    return F.normalize(asked, dim=1) @ F.normalize(vectors, dim=1).T


def regions_of(model: nn.Module, paths: list[str]) -> tuple[list[Region], Tensor]:
    """The best regions of each picture and their vectors (N, C).

    Raises:
        InputError: A picture cannot be read, or none has a region.
    """
    regions: list[Region] = []
    vectors = []
    for path in paths:
        seen = see(model, path)
        if not len(seen.proposals):
            continue
        boxes, scores = seen.proposals.bboxes.float(), seen.proposals.scores.float()
        _, kept = nms(boxes, scores, SAME, max_num=BEST)
        vectors.append(vectors_of(model, seen)[kept.cpu()])
        regions += [Region(path, seen.regions[i], float(scores[i])) for i in kept.tolist()]
    if not regions:
        raise InputError(f'the detector finds no region in {paths[0]} ...: name another folder')
    return regions, torch.cat(vectors)


def hide_itself(row: Tensor, regions: list[Region], picture: str, box: np.ndarray) -> None:
    """Put the regions of the same picture that overlap a box behind all others, in place."""
    own = [i for i, r in enumerate(regions) if Path(r.path).resolve() == Path(picture).resolve()]
    if own:
        (iou,) = overlaps(as_xywh(box), as_xywh(np.stack([regions[i].box for i in own])))
        row[[i for i, share in zip(own, iou) if share >= SAME]] = -torch.inf


def _named(model: nn.Module, seen: Seen, detection: int) -> str:
    name = classes_of(model)[int(seen.found.labels[detection])]
    return f'{name} {float(seen.found.scores[detection]):.2f}'


def _neighbour(region: Region, similar: float) -> np.ndarray:
    caption = f'{similar:.2f}  {Path(region.path).name}'
    return _panel(read_picture(region.path), region.box, caption, GREEN)


def _panel(image: np.ndarray, box: np.ndarray, caption: str, colour: Colour) -> np.ndarray:
    return captioned(crop_around(image, box, colour), caption, 13)


def crop_around(image: np.ndarray, box: np.ndarray, colour: Colour) -> np.ndarray:
    """A square (SIDE, SIDE, 3) around a box that is outlined; what lies outside is grey."""
    centre = box.reshape(2, 2).mean(0)
    half = (0.5 + MARGIN) * max(box[2] - box[0], box[3] - box[1], 2)
    factor = SIDE / (2 * half)
    shift = SIDE / 2 - factor * centre
    # pixel i covers [i, i + 1]: its centre is at i + 0.5
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]]) + [
        [0, 0, factor / 2 - 0.5],
        [0, 0, factor / 2 - 0.5],
    ]
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), borderValue=(160, 160, 160))
    draw_box(crop, box * factor + np.tile(shift, 2), colour)
    return crop
