"""Labelled pictures of the data check: which are shown, and their drawings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from ..canvas import RED, Colour, from_hex, legible
from ..datasets.coco_rules import is_number
from ..datasets.load_image import read_picture
from ..datasets.note import Example
from ..datasets.outlines import MARGIN, are_polygons, too_large
from ..datasets.run_lengths import is_mask
from ..errors import shown
from ..page_figures import COLOURS
from ..report.drawings import MOST_NAMES, Shape, drawn
from ..report.sections import Drawing, Picture

SHOWN = 24
ROOM, LEAST = 6, 48  # a close-up's side: of the object's, and pixels
RULE = (
    'The classes take turns, the rarest first; each gives one of its pictures, the first one with '
    'few objects, the last one with many.'
)


def spread(counts: np.ndarray, number: int = SHOWN) -> list[int]:
    """Indices of pictures spread over classes and over counts of objects, by RULE.

    Of more classes than pictures, those at even distances by their number of objects take turns.
    A class's pictures are ordered by their objects of all classes; the k-th turn of n takes the
    one at the share k / (n - 1) of those that are left.

    Args:
        counts: (N, K) objects of each class in each picture.
    """
    known = np.flatnonzero(counts.sum(0))
    order = known[np.argsort(counts.sum(0)[known], kind='stable')]
    total, chosen = counts.sum(1), []
    number = min(number, int((total > 0).sum()))
    left = total > 0
    for k in range(number):
        share = k / max(1, number - 1)
        turn = k if len(order) <= number else round(share * (len(order) - 1))
        ring = np.roll(order, -(turn % len(order)))  # a class whose pictures are all taken passes
        ours = next(o for kind in ring if len(o := np.flatnonzero(left & (counts[:, kind] > 0))))
        ours = ours[np.argsort(total[ours], kind='stable')]
        chosen.append(int(ours[round(share * (len(ours) - 1))]))
        left[chosen[-1]] = False
    return chosen


def colours_of(classes: Sequence[str]) -> dict[str, str]:
    """Of each class, as #rrggbb; of many classes several share one."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(classes)}


def labelled(
    folder: Path, image: dict, annotations: Sequence[dict], names: Mapping[object, str]
) -> Picture:
    """A picture with its objects in the colours of their classes.

    Args:
        names: Of the classes by category id, those that are trained.

    Raises:
        InputError: The picture cannot be read.
    """
    colours = colours_of([*names.values()])
    texts = {name: legible(name, i) for i, name in enumerate(colours)}
    picture = read_picture(str(folder / image['file_name']))
    ours = [a for a in annotations if a['category_id'] in names]
    shapes = []
    for annotation in ours:
        name = names[annotation['category_id']]
        said = [texts[name]] if len(names) > 1 else []  # a single class needs none
        text = ', '.join(said + ['crowd'] * bool(annotation['iscrowd']))
        both = len(ours) <= MOST_NAMES  # of more, boxes would hide the masks
        shapes += _shapes(annotation, picture.shape[:2], from_hex(colours[name]), text, both)
    counted = Counter(names[a['category_id']] for a in ours)
    words = ', '.join(f'{count} {shown(name)}' for name, count in counted.most_common())
    return Picture([(drawn(picture, shapes), words)], f'{shown(image["file_name"])}: {words}')


def example_drawings(folder: Path, example: Example) -> list[Drawing]:
    """The picture with the objects that a line tells of, and the first of them larger where it is
    small.

    Raises:
        InputError: The picture cannot be read.
    """
    picture = read_picture(str(folder / example.picture))
    both = len(example.objects) <= MOST_NAMES
    shapes = [
        shape
        for annotation in example.objects
        for shape in _shapes(annotation, picture.shape[:2], RED, '', both)
    ]
    close = _close_up(picture, shapes) if shapes and both else None
    return [drawn(picture, shapes), *([close] if close else [])]


def _close_up(picture: np.ndarray, shapes: Sequence[Shape]) -> Drawing | None:
    """What surrounds the first shape; None where the whole picture shows it, or it is past it."""
    x, y, w, h = shapes[0].box
    side = max(int(ROOM * max(w, h)), LEAST)
    height, width = picture.shape[:2]
    inside = 0 <= x + w / 2 <= width and 0 <= y + h / 2 <= height
    if not inside or 2 * side > max(height, width):
        return None
    left = int(np.clip(x + w / 2 - side / 2, 0, max(0, width - side)))
    top = int(np.clip(y + h / 2 - side / 2, 0, max(0, height - side)))
    window = (slice(top, top + side), slice(left, left + side))
    moved = [
        Shape(
            (s.box[0] - left, s.box[1] - top, *s.box[2:]),
            s.colour,
            mask=partial(_part, s.mask, window) if s.mask else None,
        )
        for s in shapes
    ]
    return drawn(picture[window], moved)


def _part(mask: Callable[[], np.ndarray], window: tuple[slice, slice]) -> np.ndarray:
    return np.ascontiguousarray(mask()[window])


def _shapes(
    annotation: dict, size: tuple[int, int], colour: Colour, name: str, both: bool
) -> list[Shape]:
    """Mask and box of an annotation, which may be damaged, as far as it has them."""
    box, mask = _box_of(annotation, size), _mask_of(annotation, size)
    shapes = [Shape(box or (0, 0, 0, 0), colour, name, mask)] if mask else []
    if box and (both or not mask):
        shapes.append(Shape(box, colour, '' if mask else name))
    return shapes


def _box_of(annotation: dict, size: tuple[int, int]) -> list[float] | None:
    """xywh; None of what is none, or lies so far out that it cannot be drawn."""
    box = annotation.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return None
    return box if max(map(abs, box)) <= 2 * MARGIN * max(size) else None


def _mask_of(annotation: dict, size: tuple[int, int]) -> partial | None:
    mask = annotation.get('segmentation')
    height, width = size
    if isinstance(mask, dict) and is_mask(mask, height, width):
        return partial(_decoded, mask, height, width)
    if (
        isinstance(mask, list)
        and are_polygons(mask)
        and not too_large([mask], np.array([[width, height]]))[0]
    ):
        return partial(_decoded, mask, height, width)
    return None


def _decoded(mask: dict | list, height: int, width: int) -> np.ndarray:
    if isinstance(mask, dict) and isinstance(mask['counts'], str):
        return coco_mask.decode(mask)
    runs = coco_mask.frPyObjects(mask, height, width)
    return coco_mask.decode(runs if isinstance(runs, dict) else coco_mask.merge(runs))


def objects_by_picture(data: dict) -> dict[object, list[dict]]:
    """Annotations of a part by image id."""
    found = defaultdict(list)
    for annotation in data['annotations']:
        found[annotation['image_id']].append(annotation)
    return found
