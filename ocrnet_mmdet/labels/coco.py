"""COCO JSON as CVAT, Datumaro, Label Studio, Roboflow and VIA write it, mended where they differ.

| who | what | what is done |
|---|---|---|
| Label Studio, CVAT, Roboflow | file names with folders, addresses, hashes | see pictures.py |
| CVAT, Datumaro | every brush mask is a crowd | taken as an object |
| Roboflow | a class that only names the group of the others | left out if it has no object |
| VIA | ids as text, an outline without its outer list, boxes as outlines | as COCO has them |
| several | no ids, no box beside an outline, no size of a picture | made from the rest |

All that is wrong beside that is left to the rules of datasets/coco_rules.py.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.coco_file import check_coco, read_json
from ..datasets.coco_rules import is_key, is_number
from ..datasets.outlines import are_polygons
from ..datasets.picture_header import PictureError
from ..errors import shown
from .kinds import COCO, Source, json_kind
from .parts import part_of
from .pictures import Pictures
from .reading import Found, Reading


def read_coco_files(source: Source, pictures: Pictures) -> Found:
    """One file as it stands but for its quirks, or several as one."""
    reading = Reading(pictures)
    files, datas = [], []
    for file in source.files:
        content = read_json(str(file), shown(str(file), 160))
        if file != source.told_by and not source.has(file, json_kind(content, file)):
            reading.count('JSON files of something else, left out', file.name)
            continue
        files.append(file)
        datas.append(_mended(content, file, reading))
    data = datas[0]
    if len(files) > 1:
        parts = [part_of(os.path.relpath(file, source.root)) for file in files]
        data = _merged(datas, parts, reading)
    return reading.done(data, COCO + (f', {len(files)} files' if len(files) > 1 else ''))


def _mended(data: Any, file: Path, reading: Reading) -> dict:
    place = shown(str(file), 160)
    if isinstance(data, dict):
        data.setdefault('annotations', [])  # a part of which no picture has an object
    check_coco(data, place)
    _mend_images(data['images'], file.parent, reading)
    _mend_keys(data, reading)
    _mend_categories(data, reading)
    for annotation in data['annotations']:
        _mend_annotation(annotation, reading)
    _forget_rectangles(data['annotations'], reading)
    return data


def _name(annotation: dict) -> str:
    return f'annotation {shown(annotation.get("id"), 40)}'


def _mend_images(images: list[dict], place: Path, reading: Reading) -> None:
    """Lead file names to pictures and give these sizes; ``place`` is the label file's folder."""
    folder = reading.pictures.folder
    beside = os.path.relpath(os.path.abspath(place), folder)
    taken = {str(image.get('file_name')) for image in images}
    for image in images:
        name = image.get('file_name')
        if not isinstance(name, str) or not name:
            continue
        if (
            name not in reading.pictures
            and not os.path.isfile(folder / name)
            or os.path.isabs(name)
        ):
            near = os.path.normpath(os.path.join(beside, name))
            found = near if near in reading.pictures else reading.pictures.find(name)
            if found and found not in taken:
                how = 'as lying beside the file' if found == near else 'by their last part'
                reading.count(
                    f'file names lead to no picture as they stand and are read {how}',
                    f'{shown(name)} as {shown(found)}',
                    found,
                )
                image['file_name'] = found
                taken.add(found)
        if image['file_name'] in reading.pictures and not all(
            is_number(image.get(side)) and image[side] > 0 for side in ('width', 'height')
        ):
            try:
                size = reading.pictures.size(image['file_name'])
            except (PictureError, OSError):  # the checks that follow say it
                continue
            image['width'], image['height'] = size
            name = image['file_name']
            reading.count("pictures without a size got the file's", name, name)


def _mend_categories(data: dict, reading: Reading) -> None:
    """Leave out groups of categories that have no object, and join categories of one name."""
    used = {key for a in data['annotations'] if is_key(key := a.get('category_id'))}
    groups = {shown(c.get('supercategory')) for c in data['categories']}
    first: dict[str, dict] = {}
    same: dict = {}
    for category in data['categories']:
        name = category['name']
        if shown(name) in groups and category['id'] not in used and len(data['categories']) > 1:
            reading.count('categories without objects that only name a group, left out', str(name))
        elif name in first:
            reading.count('categories of the name of another one, joined with it', str(name))
            same[category['id']] = first[name]['id']
        else:
            first[name] = category
    data['categories'] = list(first.values()) or data['categories']
    for annotation in data['annotations']:
        key = annotation.get('category_id')
        if is_key(key) and key in same:
            annotation['category_id'] = same[key]


def _mend_keys(data: dict, reading: Reading) -> None:
    """Give references the kind of what they refer to, number or text, and annotations ids."""
    for key, entries in dict(image_id=data['images'], category_id=data['categories']).items():
        ids = {e['id'] for e in entries if is_key(e.get('id'))}
        by_text = {_text_of(i): i for i in ids}
        for annotation in data['annotations']:
            value = annotation.get(key)
            if is_key(value) and value not in ids and _text_of(value) in by_text:
                reading.count(
                    f'{key}s that are text, or numbers, unlike the ids',
                    _name(annotation),
                    annotation,
                )
                annotation[key] = by_text[_text_of(value)]
    known = (a['id'] for a in data['annotations'] if is_number(a.get('id')))
    free = itertools.count(int(max(known, default=0)) + 1)
    for annotation in data['annotations']:
        if 'id' not in annotation:
            annotation['id'] = next(free)
            reading.count('annotations without an id got one', _name(annotation), annotation)


def _text_of(key: int | float | str) -> str:
    """An id as text, 1.0, which tables with gaps make of 1, as 1."""
    return str(key).removesuffix('.0')


def _mend_annotation(annotation: dict, reading: Reading) -> None:
    outline = annotation.get('segmentation')
    if isinstance(outline, list) and outline and all(map(is_number, outline)):
        outline = annotation['segmentation'] = [outline]
        what = 'outlines without their outer list, put into one'
        reading.count(what, _name(annotation), annotation)
    if annotation.get('bbox') in (None, []) and outline and are_polygons(outline):
        points = np.array([x for polygon in outline for x in polygon[: len(polygon) // 2 * 2]])
        low, high = points.reshape(-1, 2).min(0), points.reshape(-1, 2).max(0)
        annotation['bbox'] = [*low.tolist(), *(high - low).tolist()]
        what = 'boxes that are missing, made from the outlines'
        reading.count(what, _name(annotation), annotation)
    if (
        annotation.get('iscrowd') == 1
        and isinstance(outline, dict)
        and isinstance(annotation.get('attributes'), dict)  # which these tools alone write
    ):
        annotation['iscrowd'] = 0
        what = 'masks that CVAT or Datumaro marks as crowds, taken as objects'
        reading.count(what, _name(annotation), annotation)


def _forget_rectangles(annotations: list[dict], reading: Reading) -> None:
    """Leave out segmentations where all of them are nothing but their boxes."""
    outlined = [a for a in annotations if a.get('segmentation')]
    if outlined and all(map(_is_own_box, outlined)):
        for annotation in outlined:
            del annotation['segmentation']
            what = 'outlines, all of them their boxes, left out'
            reading.count(what, _name(annotation), annotation)


def _is_own_box(annotation: dict) -> bool:
    outline, box = annotation['segmentation'], annotation.get('bbox')
    if not (isinstance(outline, list) and len(outline) == 1 and are_polygons(outline)):
        return False
    if len(outline[0]) not in (8, 10) or not isinstance(box, list) or len(box) != 4:
        return False
    if not all(map(is_number, box)):
        return False
    x, y, w, h = box
    corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    points = np.array(outline[0]).reshape(-1, 2)
    near = np.abs(points[:, None] - corners[None]).max(2) < 0.51  # boxes may be whole numbers
    return bool(near.any(0).all() and near.any(1).all())


def _merged(datas: list[dict], parts: list[str | None], reading: Reading) -> dict:
    """Several files as one, with new ids; their parts go to the ``reading``."""
    whole: dict = dict(images=[], annotations=[], categories=[])
    categories: dict[str, int] = {}
    taken: set[str] = set()
    for data, part in zip(datas, parts):
        kinds = {
            c['id']: categories.setdefault(str(c['name']), len(categories) + 1)
            for c in data['categories']
        }
        ids: dict = {}
        for image in data['images']:
            key, name = image.get('id'), str(image.get('file_name'))
            if not is_key(key) or key in ids or name in taken:
                what = 'pictures with a bad id, or of another file too, left out'
                reading.count(what, name, name)
                continue
            taken.add(name)
            ids[key] = image['id'] = len(whole['images']) + 1
            whole['images'].append(image)
            if part:
                reading.part[image['id']] = part
        for annotation in data['annotations']:
            keys = annotation.get('image_id'), annotation.get('category_id')
            if not all(map(is_key, keys)) or keys[0] not in ids or keys[1] not in kinds:
                reading.count('annotations of no such picture or category', _name(annotation))
                continue
            annotation.update(
                id=len(whole['annotations']) + 1,
                image_id=ids[keys[0]],
                category_id=kinds[keys[1]],
            )
            whole['annotations'].append(annotation)
    whole['categories'] = [dict(id=i, name=name) for name, i in categories.items()]
    return whole
