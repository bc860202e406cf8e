"""What of a data set's labels is not learnt or not scored: a line with the count each.

N objects, those of the config's classes; plain functions of arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, shown
from .coco_rules import LEAST_SIDE, boxes_of
from .mask_boxes import apart, mask_boxes, reading_that_fits
from .note import Example, Note

# Boxes of a drawn object end at the picture's edge; some tools draw past it, but hardly for a fifth
# of the objects.
FEW_PAST = 0.2
LEAST_PAST = 3
LOOKED = 50_000  # masks at most that are held against their boxes: a few seconds of COCO's


@dataclass
class Objects:
    """Objects of a data set.

    Attributes:
        boxes: (N, 4) float64 xywh, pixels of the picture.
        sizes: (N, 2) float64 width and height of each one's picture.
        picture: (N,) index of each one's picture.
        crowd: (N,) bool, iscrowd=1; ``marked``: with "ignore", which is mmdet's own.
        annotations: The N entries; ``images``: the pictures' entries.
    """

    boxes: np.ndarray
    sizes: np.ndarray
    picture: np.ndarray
    crowd: np.ndarray
    marked: np.ndarray
    annotations: Sequence[dict]
    images: Sequence[dict]

    def example(self, *places: int) -> Example:
        """The picture of the first of some objects, and those of them that are in it."""
        ours = [i for i in places if self.picture[i] == self.picture[places[0]]]
        name = self.images[self.picture[places[0]]].get('file_name', '')
        return Example(name, tuple(self.annotations[i] for i in ours))

    @property
    def thin(self) -> np.ndarray:
        """(N,) bool: less than a pixel wide or high, which CocoDataset leaves out."""
        return np.any(self.boxes[:, 2:] < 1, axis=1)

    @property
    def trained(self) -> np.ndarray:
        """(N,) bool: what CocoDataset leaves to be trained on."""
        return ~(self.crowd | self.marked | self.thin)


def objects_of(annotations: Sequence[dict], images: Sequence[dict]) -> Objects:
    """The objects that annotations describe, all of which obey the rules of coco_rules.py."""
    order = {image['id']: i for i, image in enumerate(images)}
    picture = np.array([order[a['image_id']] for a in annotations], int)
    sizes = np.array([(i['width'], i['height']) for i in images], float).reshape(-1, 2)
    return Objects(
        boxes_of(annotations),
        sizes[picture],
        picture,
        np.array([bool(a['iscrowd']) for a in annotations], bool),
        np.array([bool(a.get('ignore')) for a in annotations], bool),
        annotations,
        images,
    )


def left_out(objects: Objects, place: str, scored: bool) -> list[str]:
    """A line with the number of objects that training leaves out; scoring, crowds alone."""
    crowd, marked = objects.crowd, objects.marked & ~objects.crowd
    reasons = [(crowd, 'crowds (iscrowd=1)')]
    if not scored:
        reasons += [
            (marked, 'marked "ignore"'),
            # those of no area have a line of their own, see _judge in clean.py
            (
                objects.thin & ~crowd & ~marked & (objects.boxes[:, 2:] >= LEAST_SIDE).all(1),
                'less than 1 pixel wide or high',
            ),
        ]
    named = ', '.join(f'{bad.sum()} {reason}' for bad, reason in reasons if bad.any())
    if not named:
        return []
    bad = np.any([each for each, _ in reasons], axis=0)
    verb = 'do not count in the score' if scored else 'are not trained on'
    text = f'{place}: {bad.sum()} of {len(crowd)} objects {verb}: {named}'
    return [Note(text, objects.example(*np.flatnonzero(bad)))]


def check_corners(objects: Objects, place: str) -> list[str]:
    """A line where many boxes reach past their picture.

    Raises:
        InputError: As [x1, y1, x2, y2] all of them would lie in it: they were written so.
    """
    first, second = objects.boxes[:, :2], objects.boxes[:, 2:]
    past = (first + second > objects.sizes + 1).any(1)
    if past.sum() < max(LEAST_PAST, FEW_PAST * len(past)):
        return []
    count = f'{place}: {past.sum()} of {len(past)} boxes reach past their picture as [x, y, w, h]'
    corners = (first >= -1) & (second > first) & (second <= objects.sizes + 1)
    if corners.all():
        raise InputError(
            f'{count}; as [x1, y1, x2, y2] all of them lie in it: write them as '
            '[x, y, width, height]'
        )
    return [Note(f'{count}: what lies past it is cut off', objects.example(*np.flatnonzero(past)))]


def check_masks(objects: Objects, place: str) -> list[str]:
    """A line where boxes and masks of the same objects do not lie on each other.

    Raises:
        InputError: Read in another way, see mask_boxes.py, those of many do: they were written so.
    """
    step = -(-len(objects.boxes) // LOOKED) or 1
    ours = np.flatnonzero(~objects.crowd)[::step]
    outlines = [objects.annotations[i].get('segmentation') for i in ours]
    boxes, sizes = objects.boxes[ours], objects.sizes[ours]
    masks = mask_boxes(outlines, sizes)
    bad = np.flatnonzero(apart(boxes, masks, sizes))
    if not len(bad):
        return []
    first = objects.annotations[ours[bad[0]]]
    count = (
        f'{place}: boxes and masks of {len(bad)} of {(~np.isnan(masks[:, 0])).sum()} objects do '
        f'not lie on each other, the first: annotation {shown(first.get("id"), 40)} '
        f'({shown(objects.images[objects.picture[ours[bad[0]]]].get("file_name", ""))})'
    )
    if len(bad) >= max(LEAST_PAST, FEW_PAST * len(ours)):
        how = reading_that_fits(boxes[bad], masks[bad], sizes[bad], [outlines[i] for i in bad])
        if how:
            raise InputError(f'{count}; {how} they do: correct how the file is written')
    return [
        Note(
            f'{count}: both are trained on as they stand; correct those that are wrong',
            objects.example(*ours[bad]),
        )
    ]


def enough_detections(most: int) -> int:
    """Detections of a picture of ``most`` objects: half as many again, in hundreds."""
    return -(-most * 3 // 2 // 100) * 100


def crowded(objects: Objects, place: str, caps: dict[str, int]) -> list[str]:
    """A line where a picture has more objects to find than the detector returns.

    Args:
        caps: Options that limit the detections of a picture, with their values.
    """
    counts = np.bincount(objects.picture[~objects.crowd])
    if not caps or not len(counts) or counts.max() <= min(caps.values()):
        return []
    enough = enough_detections(counts.max())
    fix = ' '.join(f'{option}={enough}' for option, most in caps.items() if most < enough)
    most = min(caps.values())
    fullest = np.flatnonzero((objects.picture == counts.argmax()) & ~objects.crowd)
    return [
        Note(
            f'{place}: {(counts > most).sum()} pictures have more objects, up to {counts.max()}, '
            f'than the {most} that the detector returns of one: the rest counts as missed; set '
            f'--cfg-options {fix}',
            objects.example(*fullest),
        )
    ]
