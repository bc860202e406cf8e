"""Which detection has found which object of a picture, as COCO matches them.

Shape shorthand: N detections, M objects. Boxes are xywh, as in COCO's files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

SCORE = 0.3  # of a detection that is drawn and counted, as tools/test.py draws them
IOU = 0.5  # of a detection that has found an object


def as_xywh(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) float64 of boxes xyxy."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def overlaps(
    found: np.ndarray | Sequence, objects: np.ndarray | Sequence, crowd: np.ndarray | None = None
) -> np.ndarray:
    """(N, M): IoU; with a crowd, the share of the detection that lies in it.

    Args:
        found: N boxes, or run lengths as pycocotools encodes masks; likewise ``objects``.
        crowd: (M,) bool; None: no object is a crowd.
    """
    if not len(found) or not len(objects):
        return np.zeros((len(found), len(objects)))
    crowd = np.zeros(len(objects), bool) if crowd is None else crowd
    return np.asarray(coco_mask.iou(found, objects, crowd.astype(np.uint8)))


def matched(overlap: np.ndarray, allowed: np.ndarray, least: float) -> np.ndarray:
    """(N,) the object that each detection has found, -1 for none; no two have the same.

    Each takes, the first one first, of the free objects that it may find the one that it overlaps
    most.

    Args:
        overlap: (N, M), the best detection first.
        allowed: (N, M) bool, which objects a detection may find.
        least: Overlap from which on an object is found.
    """
    found = np.full(len(overlap), -1)
    reach = np.where(allowed, overlap, -1.0)
    for i in range(len(reach) if reach.size else 0):
        best = int(reach[i].argmax())
        if reach[i, best] >= least:
            found[i] = best
            reach[:, best] = -1
    return found
