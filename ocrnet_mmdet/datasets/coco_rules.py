"""What an image and an annotation of a COCO file must be: one rule a line.

A rule names a defect and finds it: ``find(entries, context)`` gives one bool an entry, True where
the entry has the defect. The rules stand in an order in which each may rely on those above it:
check_dataset stops at the first that finds one, write_clean drops what it finds and goes on.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .outlines import MARGIN

# COCO 2017's own train file has 2 boxes of no height among 860,001 (cocodataset/cocoapi issue 355:
# images 200365 and 550395). mmdet leaves them out silently, so a rare one is a note and no error.
RARE = 1e-4
FIX = 'correct the file, or let `tools/train.py --skip-bad-images` leave them out'
FIX_BY_MENDING = 'correct the file, or let `tools/train.py --skip-bad-images` mend a copy of it'
LARGEST_ID = 2**53  # pycocotools and numpy keep ids as float64 here and there
MOST_PIXELS = 2**30  # what OpenCV reads; run lengths have 32 bits
LARGEST_AREA = 1e10  # pycocotools' areaRng: above it an object counts for nothing
# Pixels: a smaller side is none. The IoU of such a box with itself is not 1 in floating point.
LEAST_SIDE = 1e-3


@dataclass
class Context:
    """What entries refer to: the picture folder, category ids, image entries by id, unused ids."""

    img_dir: str
    categories: set
    images: dict = field(default_factory=dict)
    free_ids: Iterator[int] = field(default_factory=itertools.count)


@dataclass
class Rule:
    """A defect: ``text`` continues the entry's name ("annotation 7 ..."), ``find`` finds it.

    Attributes:
        rare_is_fine: Whether a share of defects below RARE is no error: mmdet skips such entries.
        mend: Cures an entry in place; without it a bad entry is left out.
        fix: What to do; by default a copy of the file without such entries, or with mended ones.
    """

    text: str
    find: Callable[[list[dict], Context], Sequence[bool] | np.ndarray]
    rare_is_fine: bool = False
    mend: Callable[[dict, Context], None] | None = None
    fix: str | None = None

    def __post_init__(self) -> None:
        if self.fix is None:
            self.fix = FIX_BY_MENDING if self.mend else FIX

    def bad(self, entries: list[dict], context: Context) -> np.ndarray:
        """Indices of the entries that have the defect."""
        return np.flatnonzero(np.asarray(self.find(entries, context), bool))


def _lacks(*keys: str) -> Callable:
    wanted = set(keys)
    return lambda entries, _: [not wanted <= entry.keys() for entry in entries]


def _repeated(key: str) -> Callable:
    def find(entries: list[dict], _: Context) -> list[bool]:
        return _again(entry[key] for entry in entries)

    return find


def _again(keys: Iterable) -> list[bool]:
    """Of each key, whether it was among those before it; None never is."""
    seen, again = set(), []
    for key in keys:
        again.append(key in seen)
        if key is not None:
            seen.add(key)
    return again


def _copies(annotations: list[dict], _: Context) -> list[bool]:
    """Later entries of an object: of its id, picture, category and box."""
    return _again(
        (a['id'], a['image_id'], a['category_id'], *a['bbox']) if is_key(a['id']) else None
        for a in annotations
    )


def _ambiguous(images: list[dict], _: Context) -> list[bool]:
    """Later entries of a picture; all of an id of several: whose objects, nobody can tell."""
    names = defaultdict(set)
    for image in images:
        names[image['id']].add(image['file_name'])
    again = _again(i['id'] for i in images)
    return [len(names[i['id']]) > 1 or later for i, later in zip(images, again)]


def is_number(value: Any) -> bool:
    """Whether it is a finite number; JSON's integers may be larger than a float can be."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def is_key(value: Any) -> bool:
    """Whether entries can be told apart by it, also in numpy, where a text ends at a NUL."""
    if isinstance(value, str):
        return '\0' not in value
    return is_number(value) and abs(value) <= LARGEST_ID


def _no_key(*keys: str) -> Callable:
    return lambda entries, _: [not all(is_key(entry[key]) for key in keys) for entry in entries]


def _other_kind(images: list[dict], _: Context) -> np.ndarray:
    """Text ids where most are numbers, or the other way round: pycocotools sorts them."""
    texts = np.array([isinstance(i['id'], str) for i in images], bool)
    few = texts if 2 * texts.sum() <= len(texts) else ~texts
    return few if not texts.all() else ~texts


def _no_name(images: list[dict], _: Context) -> list[bool]:
    return [not isinstance(i['file_name'], str) or not i['file_name'] for i in images]


def _no_size(images: list[dict], _: Context) -> list[bool]:
    return [
        not (
            is_number(i['width'])
            and is_number(i['height'])
            and i['width'] >= 1
            and i['height'] >= 1
        )
        for i in images
    ]


def _no_whole_size(images: list[dict], _: Context) -> list[bool]:
    return [not (isinstance(i['width'], int) and isinstance(i['height'], int)) for i in images]


def _round_size(image: dict, _: Context) -> None:
    image.update(width=round(image['width']), height=round(image['height']))


def _too_many_pixels(images: list[dict], _: Context) -> list[bool]:
    return [i['width'] * i['height'] > MOST_PIXELS for i in images]


def _files_in(folders: Iterable[str]) -> set[str]:
    """Paths in some folders; one listing a folder, as 118,287 stats take minutes on NFS."""
    files: set[str] = set()
    for folder in folders:
        if os.path.isdir(folder):
            with os.scandir(folder) as entries:
                files.update(e.path for e in entries if not e.is_dir(follow_symlinks=False))
    return files


def _absent(images: list[dict], context: Context) -> list[bool]:
    paths = [os.path.join(context.img_dir, i['file_name']) for i in images]
    files = _files_in({os.path.dirname(path) for path in paths})
    # the second look is for doubled slashes and for file systems that ignore case
    return [path not in files and not os.path.isfile(path) for path in paths]


def _is_box(box: object) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(map(is_number, box))


def _no_box(annotations: list[dict], _: Context) -> Sequence[bool]:
    try:  # 10 times faster, but for what is not all lists of four numbers
        boxes = np.array([a['bbox'] for a in annotations])
    except (ValueError, OverflowError):
        boxes = np.empty(0, object)
    if boxes.dtype.kind in 'fi' and boxes.shape == (len(annotations), 4):
        return ~np.isfinite(boxes).all(1)
    return [not _is_box(a['bbox']) for a in annotations]


def boxes_of(annotations: Sequence[dict]) -> np.ndarray:
    """(N, 4) float64 xywh in pixels of the picture."""
    return np.array([a['bbox'] for a in annotations], float).reshape(-1, 4)


def sizes_of(annotations: list[dict], context: Context) -> np.ndarray:
    """(N, 2) float64 width and height of every annotation's picture."""
    images = [context.images[a['image_id']] for a in annotations]
    return np.array([(i['width'], i['height']) for i in images], float).reshape(-1, 2)


def _no_extent(annotations: list[dict], _: Context) -> np.ndarray:
    return np.any(boxes_of(annotations)[:, 2:] < LEAST_SIDE, axis=1)


def _outside(annotations: list[dict], context: Context) -> np.ndarray:
    sizes, boxes = sizes_of(annotations, context), boxes_of(annotations)
    return ((boxes[:, :2] >= sizes) | (boxes[:, :2] + boxes[:, 2:] <= 0)).any(1)


def _far(annotations: list[dict], context: Context) -> np.ndarray:
    sizes, boxes = sizes_of(annotations, context), boxes_of(annotations)
    margin = MARGIN * sizes.max(1, keepdims=True)
    return ((boxes[:, :2] < -margin) | (boxes[:, :2] + boxes[:, 2:] > sizes + margin)).any(1)


def _no_area_given(annotations: list[dict], _: Context) -> list[bool]:
    return [not is_number(a.get('area')) for a in annotations]


def _no_area(annotations: list[dict], _: Context) -> list[bool]:
    return [not 0 < a['area'] <= LARGEST_AREA for a in annotations]


def _mend_area(annotation: dict, _: Context) -> None:
    annotation['area'] = annotation['bbox'][2] * annotation['bbox'][3]


def _mend_crowd(annotation: dict, _: Context) -> None:
    annotation['iscrowd'] = int(annotation.get('iscrowd') == '1')


def _mend_id(annotation: dict, context: Context) -> None:
    annotation['id'] = next(context.free_ids)


IMAGE_RULES = (
    Rule('lacks id, file_name, width or height', _lacks('id', 'file_name', 'width', 'height')),
    Rule('has an id that is neither a number nor text, or beyond 2**53', _no_key('id')),
    Rule(
        'has an id of another kind than most, text among numbers or a number among texts',
        _other_kind,
    ),
    Rule('has no file name', _no_name),
    Rule('has no size', _no_size),
    Rule('has a size that is no whole number of pixels', _no_whole_size, mend=_round_size),
    Rule('has a size of more than 2**30 pixels', _too_many_pixels),
    Rule('has the id of another one', _ambiguous),
    Rule('is not in the picture folder', _absent),
)
ANNOTATION_RULES = (
    Rule(
        'lacks id, image_id, category_id or bbox', _lacks('id', 'image_id', 'category_id', 'bbox')
    ),
    Rule(
        'has an image_id or category_id that is neither a number nor text, or beyond 2**53',
        _no_key('image_id', 'category_id'),
    ),
    Rule(
        'belongs to an image that is not listed',
        lambda annotations, context: [a['image_id'] not in context.images for a in annotations],
    ),
    Rule(
        'has a category that is not listed',
        lambda annotations, context: [
            a['category_id'] not in context.categories for a in annotations
        ],
    ),
    Rule('has a box that is not four finite numbers', _no_box),
    Rule('has a box of no area', _no_extent, rare_is_fine=True),
    Rule('has a box outside its picture', _outside, rare_is_fine=True),
    Rule(f'has a box that reaches more than {MARGIN} picture sides past its picture', _far),
    # mmdet ends in a KeyError
    Rule('has no area', _no_area_given, mend=_mend_area),
    # mmdet leaves such out without a word
    Rule('has no area above 0 and up to 1e10', _no_area, rare_is_fine=True, mend=_mend_area),
    # pycocotools' scoring ends in an error, after the first epoch; mmdet leaves out '0' as a crowd
    Rule(
        'lacks iscrowd, 0 or 1',
        lambda annotations, _: [a.get('iscrowd') not in (0, 1) for a in annotations],
        mend=_mend_crowd,
    ),
    Rule('is listed twice', _copies),
    Rule(
        'has an id that is neither a number nor text, or beyond 2**53', _no_key('id'), mend=_mend_id
    ),
    Rule('has the id of another one', _repeated('id'), mend=_mend_id),
)
SCORED_RULES = (
    # pycocotools keeps a match as the object's id, as a float: 0 means that there is none
    Rule(
        'has the id 0, or one that is no number, by which pycocotools cannot score it',
        lambda annotations, _: [not is_number(a['id']) or a['id'] == 0 for a in annotations],
        mend=_mend_id,
    ),
)
