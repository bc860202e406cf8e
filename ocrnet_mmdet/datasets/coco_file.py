"""A COCO annotation file: read so that any damage is one line, written whole or not at all."""

from __future__ import annotations

import json
import os
from codecs import BOM_UTF8
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, shown
from ..whole_file import whole_file
from .coco_rules import is_key

GET_DATA = (
    'for COCO 2017 unpack train2017.zip, val2017.zip and annotations_trainval2017.zip of '
    'http://images.cocodataset.org into data/coco, for own data set data_root; '
    '`make demo` needs no data'
)
DEPTH = 50  # of brackets in one another; COCO's own have 4
DEEP = 'its brackets stand too deep in one another: export it again'
MEMORY_PER_BYTE = 4  # of the file, at least, once it is read: numbers become objects


class _RepeatedKey(ValueError):
    """A key that stands twice in one object of a JSON file."""


def _unique(pairs: list[tuple[str, object]]) -> dict:
    entry = dict(pairs)
    if len(entry) < len(pairs):  # json keeps the last: of two lists "annotations" one would be lost
        keys = [key for key, _ in pairs]
        raise _RepeatedKey(next(key for key in entry if keys.count(key) > 1))
    return entry


def read_json(ann_file: str, place: str) -> Any:
    """The content of an annotation file, which may begin with a byte order mark.

    Args:
        place: Name of the file, for the messages.

    Raises:
        InputError: The file cannot be read, or is not JSON.
    """
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    try:
        size = os.path.getsize(ann_file)
        if MEMORY_PER_BYTE * size > memory:
            raise InputError(
                f'{place} has {size / 2**30:.1f} GiB, more than this machine can hold as objects '
                f'({memory / 2**30:.1f} GiB of memory): split it'
            )
        with open(ann_file, encoding='utf-8-sig') as file:
            return json.load(file, object_pairs_hook=_unique)
    except OSError as error:
        raise InputError(
            f'{place} cannot be read: {error.strerror}: correct its rights, or copy it'
        ) from error
    except _RepeatedKey as error:
        raise InputError(
            f'{place} has the key "{shown(str(error))}" twice in one object, of which one would be '
            'lost: keep one'
        ) from error
    except RecursionError as error:
        raise InputError(f'{place} cannot be read: {DEEP}') from error
    except MemoryError as error:
        raise InputError(f'{place} does not fit into memory: split it') from error
    except ValueError as error:
        raise InputError(f'{place} is not JSON ({error}): export or copy it again') from error


def read_coco(ann_file: str, img_dir: str, what: str) -> dict:
    """An annotation file's content, its categories' names as text.

    Args:
        ann_file: The file.
        img_dir: The picture folder, which has to be there.
        what: Name of the data set, for the messages.

    Raises:
        InputError: The file or the folder is absent, or the file is not COCO.
    """
    place = f'{what}: {shown(ann_file, 160)}'
    if not os.path.isfile(ann_file):
        raise InputError(f'{what}: there is no annotation file {shown(ann_file, 160)}: {GET_DATA}')
    if not os.path.isdir(img_dir):
        raise InputError(f'{what}: there is no picture folder {shown(img_dir, 160)}: {GET_DATA}')
    data = read_json(ann_file, place)
    with open(ann_file, 'rb') as file:
        if file.read(len(BOM_UTF8)) == BOM_UTF8:  # pycocotools, which opens it too, stops at it
            raise InputError(f'{place}: save it as UTF-8 without a byte order mark')
    check_coco(data, place)
    return data


def check_coco(data: Any, place: str) -> None:
    """Raise InputError unless it is the content of a COCO file, as far as lists and categories."""
    for key in ('images', 'annotations', 'categories'):
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise InputError(
                f'{place} is not a COCO file: it has no list "{key}" of objects; '
                'export the annotations as "COCO detection" (instances)'
            )
    if any(_is_deep(value) for key, value in data.items() if key not in ('images', 'annotations')):
        raise InputError(f'{place} is not COCO: {DEEP}')  # pycocotools copies these
    check_categories(data['categories'], place)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEPTH):
        level = [
            child
            for v in level
            if isinstance(v, (dict, list))
            for child in (v.values() if isinstance(v, dict) else v)
        ]
    return bool(level)


def check_categories(categories: Sequence[dict], place: str) -> None:
    """Raise InputError unless all categories have names, and ids of their own of one kind."""
    if not all({'id', 'name'} <= c.keys() for c in categories):
        raise InputError(f'{place}: a category lacks id or name: correct the file')
    names: dict = {}
    for category in categories:
        name, key = category['name'], category['id']
        if not isinstance(name, str) and not (is_key(name) and isinstance(name, int)):
            raise InputError(
                f'{place}: the category of id {shown(key)} has the name '
                f'{shown(name)}: give it one of text'
            )
        if not is_key(key):
            raise InputError(
                f'{place}: category {shown(name)!r} has the id {shown(key)}: give it a number'
            )
        if key in names:  # mmdet would take all objects of both for the last one's
            raise InputError(
                f'{place}: the categories {names[key]!r} and {shown(name)!r} have the same '
                f'id {shown(key)}: give every category its own'
            )
        names[key] = shown(name)
    if len({isinstance(key, str) for key in names}) > 1:  # pycocotools sorts them
        raise InputError(
            f'{place}: some ids of its categories are numbers and some are text: make '
            'all of them numbers'
        )


def keep_images(data: dict, ids: set) -> dict:
    """The part of a JSON with the pictures of these ids."""
    return dict(
        data,
        images=[i for i in data['images'] if i['id'] in ids],
        annotations=[a for a in data['annotations'] if a['image_id'] in ids],
    )


def write_json(data: dict, path: str) -> None:
    """Write a file that is either whole or absent, also with several writers."""
    with whole_file(path) as part, open(part, 'w', encoding='utf-8') as file:
        json.dump(data, file)
