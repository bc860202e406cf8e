"""What an image and an annotation of a COCO file must be: one rule a line.

A rule names a defect and finds it: ``find(entries, context)`` gives one bool an entry, True where
the entry has the defect. The rules stand in an order in which each may rely on those above it:
check_dataset stops at the first that finds one, write_clean drops what it finds and goes on.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

# COCO 2017's own train file has 2 boxes of no height among 860,001 (cocodataset/cocoapi issue 355:
# images 200365 and 550395). mmdet leaves them out silently, so a rare one is a note and no error.
RARE = 1e-4


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
        fix: What to do, where leaving entries out is not what cures it.
    """
    text: str
    find: Callable[[list[dict], Context], Sequence[bool]]
    rare_is_fine: bool = False
    mend: Callable[[dict, Context], None] | None = None
    fix: str | None = None

    def bad(self, entries: list[dict], context: Context) -> np.ndarray:
        """Indices of the entries that have the defect."""
        return np.flatnonzero(np.asarray(self.find(entries, context), bool))


def _lacks(*keys: str) -> Callable:
    wanted = set(keys)
    return lambda entries, _: [not wanted <= entry.keys() for entry in entries]


def _repeated(key: str) -> Callable:
    def find(entries: list[dict], _: Context) -> list[bool]:
        seen = set()
        return [entry[key] in seen or seen.add(entry[key]) is not None for entry in entries]
    return find


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _no_size(images: list[dict], _: Context) -> list[bool]:
    return [not (_is_number(i['width']) and _is_number(i['height'])
                 and i['width'] >= 1 and i['height'] >= 1) for i in images]


def _files_in(folders: Iterable[str]) -> set[str]:
    """Paths in some folders; one listing a folder, as 118,287 stats take minutes on NFS."""
    files = set()
    for folder in folders:
        if os.path.isdir(folder):
            files.update(os.path.join(folder, name) for name in os.listdir(folder))
    return files


def _absent(images: list[dict], context: Context) -> list[bool]:
    paths = [os.path.join(context.img_dir, i['file_name']) for i in images]
    files = _files_in({os.path.dirname(path) for path in paths})
    # the second look is for doubled slashes and for file systems that ignore case
    return [path not in files and not os.path.exists(path) for path in paths]


def _is_box(box: object) -> bool:
    return (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
            and all(map(math.isfinite, box)))


def _no_box(annotations: list[dict], _: Context) -> Sequence[bool]:
    try:  # 10 times faster, but for what is not all lists of four numbers
        boxes = np.array([a['bbox'] for a in annotations])
    except ValueError:
        boxes = np.empty(0, object)
    if boxes.dtype.kind in 'fi' and boxes.shape == (len(annotations), 4):
        return ~np.isfinite(boxes).all(1)
    return [not _is_box(a['bbox']) for a in annotations]


def boxes_of(annotations: list[dict]) -> np.ndarray:
    """(N, 4) float64 xywh in pixels of the picture."""
    return np.array([a['bbox'] for a in annotations], float).reshape(-1, 4)


def _no_extent(annotations: list[dict], _: Context) -> np.ndarray:
    return (boxes_of(annotations)[:, 2:] <= 0).any(1)


def _outside(annotations: list[dict], context: Context) -> np.ndarray:
    images = [context.images[a['image_id']] for a in annotations]
    sizes = np.array([(i['width'], i['height']) for i in images], float).reshape(-1, 2)
    boxes = boxes_of(annotations)
    return ((boxes[:, :2] >= sizes) | (boxes[:, :2] + boxes[:, 2:] <= 0)).any(1)


def _no_area_given(annotations: list[dict], _: Context) -> list[bool]:
    return [not _is_number(a.get('area')) for a in annotations]


def _no_area(annotations: list[dict], _: Context) -> list[bool]:
    return [not a['area'] > 0 for a in annotations]


def _mend_area(annotation: dict, _: Context) -> None:
    annotation['area'] = annotation['bbox'][2] * annotation['bbox'][3]


def _mend_crowd(annotation: dict, _: Context) -> None:
    annotation['iscrowd'] = 0


def _mend_id(annotation: dict, context: Context) -> None:
    annotation['id'] = next(context.free_ids)


IMAGE_RULES = (
    Rule('lacks id, file_name, width or height', _lacks('id', 'file_name', 'width', 'height')),
    Rule('has no size', _no_size),
    Rule('has the id of another one', _repeated('id')),
    Rule('is not in the picture folder', _absent),
)
ANNOTATION_RULES = (
    Rule('lacks id, image_id, category_id or bbox',
         _lacks('id', 'image_id', 'category_id', 'bbox')),
    Rule('belongs to an image that is not listed',
         lambda annotations, context: [a['image_id'] not in context.images for a in annotations]),
    Rule('has a category that is not listed',
         lambda annotations, context: [a['category_id'] not in context.categories
                                       for a in annotations]),
    Rule('has a box that is not four finite numbers', _no_box),
    Rule('has a box of no area', _no_extent, rare_is_fine=True),
    Rule('has a box outside its picture', _outside, rare_is_fine=True),
    # mmdet ends in a KeyError
    Rule('has no area', _no_area_given, mend=_mend_area),
    # mmdet leaves such out without a word
    Rule('has no area above 0', _no_area, rare_is_fine=True, mend=_mend_area),
    # pycocotools' scoring ends in a KeyError, after the first epoch
    Rule('lacks iscrowd', _lacks('iscrowd'), mend=_mend_crowd),
    Rule('has the id of another one', _repeated('id'), mend=_mend_id),
)
MASK_RULE = Rule('has no segmentation, but masks are trained',
                 lambda entries, _: [not a.get('segmentation') for a in entries],
                 fix='set --cfg-options with_mask=False, or add polygons')
POLYGON_RULE = Rule(
    'has a run-length mask, but the pipeline reads polygons',
    lambda entries, _: [isinstance(a.get('segmentation'), dict) and not a.get('iscrowd')
                        for a in entries],
    fix='set --cfg-options train_dataloader.dataset.pipeline.1.poly2mask=True')
