"""What kind of mistake each detection of a picture is, and which objects are missed.

Shape shorthand: N detections, M objects. Boxes are xyxy. Plain numpy. The kinds are those of TIDE
(Bolya et al., A General Toolbox for Identifying Object Detection Errors, 2020, section 2.2), but
for what is both badly placed and of the wrong class: a false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evaluation.matching import IOU, as_xywh, matched, overlaps

FOUND, DOUBLE, WRONG_CLASS = 'found', 'double', 'wrong class'
BADLY_PLACED, FALSE_ALARM, MISSED = 'badly placed', 'false alarm', 'missed'
IGNORED = 'in a crowd'
KINDS = (FOUND, MISSED, FALSE_ALARM, WRONG_CLASS, BADLY_PLACED, DOUBLE)
MISTAKES = KINDS[1:]
NEAR = 0.1  # IoU from which on an object was meant


@dataclass
class Judged:
    """A picture's detections and objects.

    Attributes:
        kinds: Of the N detections.
        objects: (N,) the object that each is about, -1 for none.
        missed: (M,) whether no detection is about the object; never of a crowd.
    """

    kinds: list[str]
    objects: np.ndarray
    missed: np.ndarray

    def count(self, kind: str) -> int:
        """How many there are of one of ``KINDS``."""
        return int(self.missed.sum()) if kind == MISSED else self.kinds.count(kind)


def judge(
    boxes: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    objects: np.ndarray,
    classes: np.ndarray,
    crowd: np.ndarray,
) -> Judged:
    """Judge detections, the best first, as COCO matches them at an IoU of 0.5.

    A detection finds the object of its class that it overlaps most and no better one has found.
    Otherwise it is, by what it overlaps: in a crowd of its class; a double of an object that is
    found; of the wrong class; badly placed, near an object of its class; or a false alarm.

    Args:
        boxes: (N, 4); likewise ``labels`` and ``scores`` (N,).
        objects: (M, 4); likewise ``classes`` and ``crowd`` (M,).
    """
    overlap = overlaps(as_xywh(boxes), as_xywh(objects), crowd)
    same, order = labels[:, None] == classes, np.argsort(-scores, kind='stable')
    about = np.full(len(boxes), -1)
    about[order] = matched(overlap[order], (same & ~crowd)[order], IOU)
    kinds = [FALSE_ALARM if i < 0 else FOUND for i in about]
    for i in np.flatnonzero(about < 0):
        kinds[i], about[i] = _kind(overlap[i], same[i], crowd)
    missed = ~crowd
    missed[about[about >= 0]] = False
    return Judged(kinds, about, missed)


def _kind(overlap: np.ndarray, same: np.ndarray, crowd: np.ndarray) -> tuple[str, int]:
    """Kind and object of a detection that has found nothing; all arguments (M,)."""
    for kind, among, least in (
        (IGNORED, same & crowd, IOU),
        (DOUBLE, same & ~crowd, IOU),
        (WRONG_CLASS, ~same & ~crowd, IOU),
        (BADLY_PLACED, same & ~crowd, NEAR),
    ):
        values = np.where(among, overlap, -1.0)
        if values.max(initial=-1.0) >= least:
            return kind, int(values.argmax())
    return FALSE_ALARM, -1
