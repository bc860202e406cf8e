"""The last validation's detections beside the labels: scores, curves, pairs of objects.

Shape letters: T objects and F detections of a picture, n classes, R = 101 recall points. Boxes are
xywh, pixels of the picture, as in COCO's files.
"""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from ..compare.scores import judged, read_results, scores_of
from ..errors import InputError
from ..evaluation.matching import IOU, SCORE, matched, overlaps
from .work_folder import Training, ValFiles


@dataclass(frozen=True)
class ScoredClass:
    """Of one class and kind (``bbox`` or ``segm``).

    Attributes:
        values: AP, AP50, AP75 (0 to 1, NaN without objects).
        precision: (R,) at IoU 0.5, at recalls 0, 0.01 ... 1.
    """

    values: tuple[float, float, float]
    precision: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Of a picture: which detection has found which object.

    Attributes:
        truth: The T objects, COCO's annotations.
        found: The F detections of at least ``SCORE``, best first.
        pairs: (object, detection), each at most once.
        ious: Of the pairs.
    """

    image_id: Any
    truth: list[dict]
    found: list[dict]
    pairs: list[tuple[int, int]]
    ious: list[float]

    def is_right(self, pair: tuple[int, int]) -> bool:
        return self.truth[pair[0]]['category_id'] == self.found[pair[1]]['category_id']

    @cached_property
    def quality(self) -> float:
        """0 to 1: the right pairs' IoU, over the mean of T and F; 1 of an empty one."""
        right = sum(iou for pair, iou in zip(self.pairs, self.ious) if self.is_right(pair))
        objects = (len(self.truth) + len(self.found)) / 2
        return right / objects if objects else 1.0


@dataclass
class Detections:
    """Of a training's last validation.

    Attributes:
        names: Classes by category id, in the labels' order.
        scores: As of :func:`~ocrnet_mmdet.compare.scores.scores_of`, all kinds, none by size.
        by_class: Kind to category id to what was scored.
    """

    files: ValFiles
    truth: COCO
    names: dict[int, str]
    results: dict[str, list[dict]]
    scores: dict[str, Any] = field(default_factory=dict)
    by_class: dict[str, dict[int, ScoredClass]] = field(default_factory=dict)

    def labels(self) -> tuple[dict, dict]:
        """Names of classes and of pictures, each by its id."""
        return self.names, {i: image['file_name'] for i, image in self.truth.imgs.items()}

    @cached_property
    def objects(self) -> dict[int, int]:
        """Of each category."""
        found = dict.fromkeys(self.names, 0)
        for ann in self.truth.anns.values():
            if ann['category_id'] in found and not ann.get('iscrowd'):
                found[ann['category_id']] += 1
        return found

    @cached_property
    def pairs(self) -> list[Pairs]:
        """Of each picture."""
        found = defaultdict(list)
        for result in self.results.get('segm') or self.results['bbox']:
            if result['score'] >= SCORE:
                found[result['image_id']].append(result)
        return [
            paired(
                image_id,
                [a for a in self.truth.imgToAnns[image_id] if a['category_id'] in self.names],
                sorted(found[image_id], key=lambda result: -result['score']),
            )
            for image_id in sorted(self.truth.imgs)
        ]

    def confusion(self) -> np.ndarray:
        """(n + 1, n + 1) counts: rows what it is, columns what it was found as; last: nothing."""
        places = {category: i for i, category in enumerate(self.names)}
        n = len(places)
        matrix = np.zeros((n + 1, n + 1), int)
        for picture in self.pairs:
            truth = [places[a['category_id']] for a in picture.truth]
            found = [places[r['category_id']] for r in picture.found]
            for i, j in picture.pairs:
                matrix[truth[i], found[j]] += 1
            seen, used = (set(side) for side in zip(*picture.pairs)) if picture.pairs else ((), ())
            for i in set(range(len(truth))) - set(seen):
                matrix[truth[i], n] += 1
            for j in set(range(len(found))) - set(used):
                matrix[n, found[j]] += 1
        return matrix


def read_detections(training: Training) -> Detections | None:
    """Scored; None where none were kept, or the labels are gone.

    Raises:
        InputError: The file of detections is damaged, or of other labels.
    """
    kept, files = training.detections(), training.val_files()
    if not kept or not files:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(files.ann_file))
    wanted = training.classes()
    names = {
        cat['id']: cat['name'] for cat in truth.cats.values() if not wanted or cat['name'] in wanted
    }
    results = {kind: read_results(file) for kind, file in kept.items()}
    if any(r['image_id'] not in truth.imgs for each in results.values() for r in each):
        raise InputError(
            f'{training.folder} holds detections of pictures that {files.ann_file} does not have '
            'any more: give the labels back as they were, or train again'
        )
    found = Detections(files, truth, names, results)
    for kind, each in results.items():
        judge = judged(truth, each, kind, list(names), by_size=False)
        found.scores |= scores_of(judge, kind)
        found.by_class[kind] = {
            category: _scored(judge.eval['precision'][:, :, k, 0, -1])
            for k, category in enumerate(judge.params.catIds)
        }
    return found


def _scored(precision: np.ndarray) -> ScoredClass:
    """Of the ten thresholds' precision (10, R), -1 where the class has no object."""
    known = np.where(precision > -1, precision, np.nan)
    return ScoredClass(
        (float(known.mean()), float(known[0].mean()), float(known[5].mean())), known[0]
    )


def paired(image_id: Any, truth: Sequence[dict], found: Sequence[dict]) -> Pairs:
    """Give each detection the object that it overlaps most, those of its own class first.

    Detections that lie in a crowd and have found nothing else are left out.

    Args:
        found: Best first.
    """
    objects = [a for a in truth if not a.get('iscrowd')]
    crowds = [a for a in truth if a.get('iscrowd')]
    overlap = overlaps(_boxes(found), _boxes(objects))
    classes = (np.array([item['category_id'] for item in side]) for side in (found, objects))
    same = np.asarray(np.equal.outer(*classes))
    about = matched(overlap, same, IOU)
    free = ~same & (about < 0)[:, None]
    free[:, about[about >= 0]] = False
    about = np.where(about < 0, matched(overlap, free, IOU), about)
    crowded = overlaps(_boxes(found), _boxes(crowds), np.ones(len(crowds), bool)) >= IOU
    kept = np.flatnonzero((about >= 0) | ~crowded.any(1))
    pairs = [(int(about[j]), k) for k, j in enumerate(kept) if about[j] >= 0]
    return Pairs(
        image_id,
        objects,
        [found[j] for j in kept],
        pairs,
        [float(overlap[kept[k], i]) for i, k in pairs],
    )


def _boxes(items: Sequence[dict]) -> np.ndarray:
    return np.array([item['bbox'] for item in items], float).reshape(-1, 4)
