"""What kind of mistake each detection of a picture is, and which objects are missed.

Shape shorthand: N detections, M objects. Boxes are xyxy. Plain numpy. The kinds are those of TIDE
(Bolya et al., A General Toolbox for Identifying Object Detection Errors, 2020, section 2.2), but
for what is both badly placed and of the wrong class: a false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FOUND, DOUBLE, WRONG_CLASS = 'found', 'double', 'wrong class'
BADLY_PLACED, FALSE_ALARM, MISSED = 'badly placed', 'false alarm', 'missed'
IGNORED = 'in a crowd'
KINDS = (FOUND, MISSED, FALSE_ALARM, WRONG_CLASS, BADLY_PLACED, DOUBLE)
MISTAKES = KINDS[1:]
HIT, NEAR = 0.5, 0.1  # IoU from which on an object is found, and from which on it was meant


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
    iou, inside = overlaps(boxes, objects)
    kinds, about = [FALSE_ALARM] * len(boxes), np.full(len(boxes), -1)
    taken = np.zeros(len(objects), bool)
    for i in np.argsort(-scores, kind='stable'):
        same = classes == labels[i]
        kinds[i], about[i] = _kind(iou[i], inside[i], same, taken, crowd)
        if kinds[i] == FOUND:
            taken[about[i]] = True
    missed = ~crowd
    missed[about[about >= 0]] = False
    return Judged(kinds, about, missed)


def _kind(
    iou: np.ndarray, inside: np.ndarray, same: np.ndarray, taken: np.ndarray, crowd: np.ndarray
) -> tuple[str, int]:
    """Kind and object of one detection; all arguments (M,)."""
    whole = same & ~crowd
    for kind, among, value, least in (
        (FOUND, whole & ~taken, iou, HIT),
        (IGNORED, same & crowd, inside, HIT),
        (DOUBLE, whole, iou, HIT),
        (WRONG_CLASS, ~same & ~crowd, iou, HIT),
        (BADLY_PLACED, whole, iou, NEAR),
    ):
        value = np.where(among, value, -1.0)
        if value.max(initial=-1.0) >= least:
            return kind, int(value.argmax())
    return FALSE_ALARM, -1


def overlaps(boxes: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, M) each: IoU, and the share of a detection that lies in an object."""
    low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], objects[None, :, 2:])
    common = (high - low).clip(0).prod(-1)
    areas, others = ((b[:, 2:] - b[:, :2]).clip(0).prod(-1) for b in (boxes, objects))
    union = areas[:, None] + others - common
    return common / union.clip(1e-9), common / areas[:, None].clip(1e-9)
