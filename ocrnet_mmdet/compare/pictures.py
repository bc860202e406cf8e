"""The same val pictures under each detector: what is labelled, and what each one found."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO

from ..canvas import draw_box, enlarged, from_hex, jpeg_uri, tag_all
from ..datasets.load_image import read_picture
from ..evaluation.matching import IOU, SCORE, matched, overlaps
from ..evenly import best_median_worst
from ..html_page import MOST_BYTES
from .scores import read_results

TRUTH, FOUND = '#0072b2', '#d55e00'  # told apart by colour-blind readers too (Okabe and Ito)
SIDES = (640, 480, 320, 200)  # pixels; the first with which all pictures fit
NUMBER = 20  # height of a class's number, pixels
THIN, WIDE = 2, 3  # pixels; a line of one loses its colour in a JPEG
RULE = (
    'Best, median and worst of the val pictures with objects, by F1 of what {first} found: '
    f'score at least {SCORE}, IoU at least {IOU} and the same class make a hit.'
)


@dataclass
class Panel:
    """A picture under one detector, or with its labels.

    Attributes:
        uri: A JPEG as text.
    """

    title: str
    words: str
    uri: str


@dataclass
class Shown:
    """What the page shows.

    Attributes:
        rule: By which the pictures were chosen.
        classes: Number in the pictures, and name; empty of one class.
        rows: Title of a picture, and its panels.
    """

    rule: str
    classes: list[str]
    rows: list[tuple[str, list[Panel]]]
    truth: str = TRUTH
    found: str = FOUND
    score: float = SCORE


@dataclass
class Boxes:
    """Of a picture: (N, 4) xywh in its pixels, best first, and the number of each one's class."""

    boxes: np.ndarray
    classes: np.ndarray


class Truth:
    """A COCO file and the folder of its pictures."""

    def __init__(self, ann_file: Path, pictures: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
            self.coco = COCO(str(ann_file))
        self.pictures = pictures
        self.numbers = {key: i for i, key in enumerate(sorted(self.coco.cats), 1)}

    def objects(self, image_id: int) -> Boxes:
        return self._boxes([a for a in self.coco.imgToAnns[image_id] if not a.get('iscrowd')])

    def detections(self, file: Path) -> dict[int, Boxes]:
        """Of COCO results, those of ``SCORE`` and above, by picture."""
        results = [r for r in read_results(file) if r['score'] >= SCORE]
        by_image: dict[int, list] = {key: [] for key in self.coco.imgs}
        for result in sorted(results, key=lambda r: -r['score']):
            by_image[result['image_id']].append(result)
        return {key: self._boxes(found) for key, found in by_image.items()}

    def _boxes(self, items: Sequence[dict]) -> Boxes:
        boxes = [a['bbox'] if 'bbox' in a else mask.toBbox(a['segmentation']) for a in items]
        classes = [self.numbers.get(a['category_id'], 0) for a in items]
        return Boxes(np.array(boxes, float).reshape(-1, 4), np.array(classes, int))


def show(truth: Truth, results: Mapping[str, Path]) -> Shown:
    """Three val pictures with their labels and with each detector's results.

    Args:
        results: COCO results on the val pictures by detector; the first one's choose.
    """
    found = {name: truth.detections(file) for name, file in results.items()}
    first = next(iter(found))
    scores = {
        key: (f1(found[first][key], objects), len(objects.boxes))
        for key in truth.coco.imgs
        if len((objects := truth.objects(key)).boxes)
    }
    chosen = best_median_worst(sorted(scores, key=lambda key: scores[key])[::-1], 1)
    for side in SIDES:
        rows = [
            (f'{which}: {truth.coco.imgs[key]["file_name"]}', _panels(truth, key, found, side))
            for which, key in chosen
        ]
        if sum(len(panel.uri) for _, panels in rows for panel in panels) <= MOST_BYTES:
            break
    names = [f'{i} {truth.coco.cats[key]["name"]}' for key, i in truth.numbers.items()]
    return Shown(RULE.format(first=first), names if len(names) > 1 else [], rows)


def f1(found: Boxes, truth: Boxes) -> float:
    """2 hits over all boxes of both; an object is hit once, by the best free box of its class."""
    total = len(found.boxes) + len(truth.boxes)
    return 2 * int(_hits(found, truth).sum()) / total if total else 0.0


def _hits(found: Boxes, truth: Boxes) -> np.ndarray:
    """(N,) bool, of each found box whether it hits an object that no better one has hit."""
    same = found.classes[:, None] == truth.classes
    return matched(overlaps(found.boxes, truth.boxes), same, IOU) >= 0


def _panels(
    truth: Truth, key: int, found: Mapping[str, Mapping[int, Boxes]], side: int
) -> list[Panel]:
    picture = read_picture(str(truth.pictures / truth.coco.imgs[key]['file_name']))
    picture, scale = enlarged(picture, side)
    numbered = len(truth.numbers) > 1
    objects = truth.objects(key)
    panels = [
        Panel(
            'labels',
            f'{len(objects.boxes)} object' + 's' * (len(objects.boxes) != 1),
            jpeg_uri(_drawn(picture, objects, scale, TRUTH, WIDE, numbered)),
        )
    ]
    for name, by_image in found.items():
        boxes = by_image[key]
        under = _drawn(picture, objects, scale, TRUTH, THIN, False)
        hits = int(_hits(boxes, objects).sum())
        panels.append(
            Panel(
                name,
                f'{len(boxes.boxes)} found, {hits} right, F1 {f1(boxes, objects):.2f}',
                jpeg_uri(_drawn(under, boxes, scale, FOUND, WIDE, numbered)),
            )
        )
    return panels


def _drawn(
    picture: np.ndarray, boxes: Boxes, scale: float, colour: str, width: int, numbered: bool
) -> np.ndarray:
    """A copy with boxes in one colour, and the number of each one's class beside it."""
    picture, bgr = picture.copy(), from_hex(colour)
    corners = scale * boxes.boxes
    corners[:, 2:] += corners[:, :2]
    for box in corners:
        draw_box(picture, box, bgr, width)
    if numbered:
        texts = [str(number) for number in boxes.classes]
        tag_all(picture, corners, texts, [bgr] * len(texts), NUMBER)
    return picture
