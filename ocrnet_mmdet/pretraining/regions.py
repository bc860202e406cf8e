"""Regions of an image without labels: boxes and segments of what stands out from its surroundings.

Shape letters: H W the image, h w the working image (longest side ``size``), R regions, n
candidates. Boxes are xyxy and continuous: pixel i covers [i, i + 1]. Candidates come from
segmentation.py; here they are filtered, ranked and freed of near-duplicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import InputError
from .segmentation import Nodes, grow_trees

# Part of a cached result's key: raise it with every change that lets an image give other regions.
VERSION = 3
WORKING_SIZE = 128
# Chosen on training images of five data sets: the first segmentation finds nearly all that is
# found, the second adds objects of several colours (recall of robosoccer 0.72 -> 0.77).
SEGMENTATIONS = ((20, 8), (60, 15))  # scale, least pixels
# Weights of colour, texture, size, fill, weak border.
STRATEGIES = ((1, 1, 1, 1, 0), (1, 1, 1, 1, 1), (0, 0, 1, 1, 1))
MIN_WORKING_SIDE = 3  # pixels of the working image
MAX_ASPECT = 4
MAX_AREA = 0.6  # of the image, segment
DUPLICATE_IOU = 0.65  # 0.55 finds more small objects, 0.75 fewer of all


@dataclass(frozen=True)
class Regions:
    """What was found in one image, best first.

    Attributes:
        boxes: (R, 4) float32 xyxy, pixels of the image: the bounds of the segments.
        scores: (R,) float32 in [0, 1], multiples of 1/255.
        segments: (R, h, w) bool; entry i, j covers rows i H/h to (i + 1) H/h and columns j W/w to
            (j + 1) W/w of the image.
        shape: (H, W).
    """

    boxes: np.ndarray
    scores: np.ndarray
    segments: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of_segments(
        cls, segments: np.ndarray, levels: np.ndarray, shape: tuple[int, int]
    ) -> Regions:
        """From segments (R, h, w), none empty, and scores (R,) in whole 255ths."""
        scale = np.array(shape[::-1]) / segments.shape[:0:-1]  # of x, of y
        bounds = [_bounds(np.any(segments, axis=1)), _bounds(np.any(segments, axis=2))]
        boxes = np.stack([bounds[0][0], bounds[1][0], bounds[0][1], bounds[1][1]], axis=1)
        boxes = (boxes * np.tile(scale, 2)).astype(np.float32)
        return cls(
            boxes, levels.astype(np.float32) / np.float32(255), segments, (shape[0], shape[1])
        )

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def masks(self) -> np.ndarray:
        """(R, H, W) bool: the segments at the image's size."""
        H, W = self.shape
        h, w = self.segments.shape[1:]
        rows = (2 * np.arange(H) + 1) * h // (2 * H)
        columns = (2 * np.arange(W) + 1) * w // (2 * W)
        return self.segments[:, rows[:, None], columns]


def _bounds(covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last covered place of each row (R, places)."""
    return covered.argmax(axis=1), covered.shape[1] - covered[:, ::-1].argmax(axis=1)


def working_shape(shape: tuple[int, int], size: int = WORKING_SIZE) -> tuple[int, int]:
    """(h, w) of an image (H, W) whose longest side is brought down to ``size`` pixels."""
    shrink = min(1, size / max(shape))
    return max(1, round(shape[0] * shrink)), max(1, round(shape[1] * shrink))


def discover_regions(
    image: np.ndarray, *, max_regions: int = 100, size: int = WORKING_SIZE
) -> Regions:
    """Find regions by graph segmentation, hierarchical merging and a ranking by image cues.

    The result depends on the arguments alone, and an image of one colour has no region. Takes 30
    to 55 ms on one core; tools/recall.py measures that and how many objects are found.

    Args:
        image: (H, W, 3) uint8 BGR.
        max_regions: The most regions to return.
        size: Longest side of the working image, pixels. More finds smaller objects and takes
            longer in proportion to the area.

    Raises:
        InputError: If ``image`` is no such array.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f'an image of shape {image.shape} and type {image.dtype} came where '
            '(height, width, 3) of uint8 belongs: discover regions before the image '
            'is normalised or made a tensor'
        )
    h, w = working_shape(image.shape[:2], size)
    small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB)
    nodes, places = grow_trees(lab, SEGMENTATIONS, STRATEGIES)
    scores = _scores(nodes, (h, w))
    order = np.argsort(-scores, kind='stable')
    order = order[_plausible(nodes, (h, w))[order]]
    order = order[_without_duplicates(nodes.box[order], max_regions)]
    levels = np.round(255 * scores[order])
    return Regions.of_segments(_segments(nodes, places, order), levels, image.shape[:2])


def _plausible(nodes: Nodes, shape: tuple[int, int]) -> np.ndarray:
    """Which candidates (n,) bool have the size and aspect of an object, and a border at all."""
    sides = nodes.box[:, 2:] - nodes.box[:, :2]
    return (
        (sides.min(axis=1) >= MIN_WORKING_SIDE)
        & (nodes.border > 0)
        & (sides.max(axis=1) <= MAX_ASPECT * sides.min(axis=1))
        & (nodes.area <= MAX_AREA * shape[0] * shape[1])
    )


def _scores(nodes: Nodes, shape: tuple[int, int]) -> np.ndarray:
    """How much like an object each candidate (n,) is, in [0, 1).

    A product, so that each cue can rule a candidate out: compact, a sharp border, unlike its
    neighbours, not cut by the image's frame, and large: there are ever so many more small
    candidates than large ones. The exponents were chosen by recall and precision on training
    images of five data sets; a logistic regression on the same cues ranked no better.
    """
    bounds = (nodes.box[:, 2:] - nodes.box[:, :2]).prod(axis=1)
    fill = nodes.area / bounds
    sharpness = nodes.edge / np.maximum(nodes.border, 1)
    cuts = (nodes.box[:, :2] == 0).sum(axis=1) + (nodes.box[:, 2:] == shape[::-1]).sum(axis=1)
    product = (
        fill**2
        * sharpness
        * nodes.contrast**0.75
        * 0.5**cuts
        * (bounds / (shape[0] * shape[1])) ** 0.5
    )
    return product / (product + 1)


def _without_duplicates(boxes: np.ndarray, count: int) -> np.ndarray:
    """Indices of the first ``count`` boxes (n, 4) that overlap no kept one before them too much."""
    x1, y1, x2, y2 = (boxes[:, i].astype(np.float32) for i in range(4))
    areas = (x2 - x1) * (y2 - y1)
    alive = np.ones(len(boxes), bool)
    kept: list[int] = []
    while alive.any() and len(kept) < count:
        i = int(alive.argmax())
        kept.append(i)
        width = np.minimum(x2, x2[i]) - np.maximum(x1, x1[i])
        height = np.minimum(y2, y2[i]) - np.maximum(y1, y1[i])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        alive &= common <= DUPLICATE_IOU * (areas + areas[i] - common)
    return np.array(kept, int)


def _segments(nodes: Nodes, places: list[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """(R, h, w) bool of the chosen nodes (R,)."""
    segments = np.zeros((len(chosen), *places[0].shape), bool)
    for segment, i in zip(segments, chosen):
        place = places[nodes.tree[i]]
        segment[:] = (place >= nodes.first[i]) & (place < nodes.first[i] + nodes.leaves[i])
    return segments
