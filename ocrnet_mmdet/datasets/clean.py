"""Checks of a user's data before training, and a copy of its annotations without what is bad.

Plain functions of paths, without mmdet; check_config.py applies them to the data sets of a config.
Boxes are xywh in pixels of the picture.
"""

from __future__ import annotations

import difflib
import itertools
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .coco_rules import (ANNOTATION_RULES, IMAGE_RULES, MASK_RULE, POLYGON_RULE, RARE, SCORED_RULES,
                         SEGMENTATION_RULE, Context, Rule, boxes_of, is_key, is_number)
from .picture import PictureError, check_frame, decode_picture
from ..errors import InputError
from ..whole_file import whole_file

GET_DATA = ('for COCO 2017 unpack train2017.zip, val2017.zip and annotations_trainval2017.zip of '
            'http://images.cocodataset.org into data/coco, for own data set data_root; '
            '`make demo` needs no data')


def _read(ann_file: str, img_dir: str, what: str) -> dict:
    """The annotation file's content; InputError where it or the folder is absent or not COCO."""
    if not os.path.isfile(ann_file):
        raise InputError(f'{what}: there is no annotation file {ann_file}: {GET_DATA}')
    if not os.path.isdir(img_dir):
        raise InputError(f'{what}: there is no picture folder {img_dir}: {GET_DATA}')
    try:
        with open(ann_file, encoding='utf-8') as file:
            data = json.load(file)
    except OSError as error:
        raise InputError(f'{what}: {ann_file} cannot be read: {error.strerror}: correct its rights, or copy it'
                         ) from error
    except ValueError as error:
        fix = 'save it as UTF-8 without a byte order mark' if 'BOM' in str(error) else 'export or copy it again'
        raise InputError(f'{what}: {ann_file} is not JSON ({error}): {fix}') from error
    for key in ('images', 'annotations', 'categories'):
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise InputError(f'{what}: {ann_file} is not a COCO file: it has no list "{key}"; '
                             'export the annotations as "COCO detection" (instances)')
    _check_categories(data['categories'], f'{what}: {ann_file}')
    return data


def _check_categories(categories: list[dict], place: str) -> None:
    """Raise InputError unless every category has a name and an id of its own."""
    if not all({'id', 'name'} <= c.keys() for c in categories):
        raise InputError(f'{place}: a category lacks id or name: correct the file')
    names: dict = {}
    for category in categories:
        if not is_key(category['id']):
            raise InputError(f'{place}: category {category["name"]!r} has the id {category["id"]!r}: give it a number')
        if category['id'] in names:  # mmdet would take all objects of both for the last one's
            raise InputError(f'{place}: the categories {names[category["id"]]!r} and {category["name"]!r} have the same '
                             f'id {category["id"]!r}: give every category its own')
        names[category['id']] = category['name']


def _shorten(names: Sequence[str]) -> str:
    shown = ', '.join(map(str, names[:12]))
    return f'({shown}, ... {len(names)} in all)' if len(names) > 12 else f'({shown})'


def _check_classes(categories: list[dict], classes: Sequence[str], place: str) -> None:
    """Raise InputError unless all ``classes`` are categories of the file, in the file's order."""
    names = [c['name'] for c in categories]
    lists = f"the config's classes are {_shorten(classes)}, the file's {_shorten(names)}"
    for name in classes:
        if names.count(name) > 1:
            raise InputError(f'{place} has {names.count(name)} categories named {name!r}: give '
                             'every category its own name')
        if name not in names:
            lower = {n.lower(): n for n in map(str, names)}
            near = difflib.get_close_matches(str(name).lower(), lower, 1)
            hint = f' (did you mean {lower[near[0]]!r}?)' if near else ''
            raise InputError(f'{place} has no class {name!r}{hint}: {lists}; set '
                             'metainfo=dict(classes=...) of the data set to names of the file')
    in_file_order = [n for n in names if n in set(classes)]
    if list(classes) != in_file_order:
        # CocoDataset numbers labels in the file's order whatever the config's: names would swap
        raise InputError(f'{place}: the classes stand in another order than in the file, which '
                         f'is what mmdet numbers them by: {lists}; write them as '
                         f'{_shorten(in_file_order)}')


def _name_image(image: dict) -> str:
    return f'image {image.get("file_name", image.get("id", "without a name"))}'


def _name_annotation(annotation: dict, context: Context) -> str:
    image_id = annotation.get('image_id')
    image = context.images.get(image_id, {}) if is_key(image_id) else {}
    picture = image.get('file_name', f'image_id {image_id}')
    return f'annotation {annotation.get("id")} ({picture}, box {annotation.get("bbox")})'


def _judge(rule: Rule, count: int, total: int, first: str, place: str) -> str:
    """A note for the log, or InputError where the defect is not a rare one that mmdet skips."""
    if rule.rare_is_fine and count <= RARE * total:
        return f'{place}: {count} of {total} are left out by mmdet: {first} {rule.text}'
    raise InputError(f'{place}: {first} {rule.text} ({count} such of {total}): {rule.fix}')


def check_dataset(ann_file: str, img_dir: str, classes: Sequence[str] | None, what: str,
                  masks: bool = False, polygons: bool = False, labelled: bool = True,
                  scored: bool = False) -> list[str]:
    """Check a COCO data set without decoding its pictures.

    Args:
        ann_file: The annotation file.
        img_dir: The folder that its file names are relative to.
        classes: Class names of the config; None takes the file's as they are.
        what: Name of the data set, for the messages (``train_dataloader``).
        masks: Whether every annotation needs a segmentation.
        polygons: Whether it must be polygons (``LoadAnnotations`` with ``poly2mask=False``).
        labelled: Whether the set must have objects (COCO's test-dev file has none).
        scored: Whether pycocotools is to score it.

    Returns:
        Notes worth a line in the log each; most often none.

    Raises:
        InputError: At the first defect, with the first entry that has it and their number.
    """
    place = f'{what}: {ann_file}'
    data = _read(ann_file, img_dir, what)
    images, annotations, notes = data['images'], data['annotations'], []
    if not images:
        raise InputError(f'{place} lists no images: export it again')
    names = [c['name'] for c in data['categories']]
    _check_classes(data['categories'], names if classes is None else classes, place)
    context = Context(img_dir, {c['id'] for c in data['categories']})
    for rule in IMAGE_RULES:
        bad = rule.bad(images, context)
        if len(bad):
            first = _name_image(images[bad[0]])
            _judge(rule, len(bad), len(images), first, f'{place}: {img_dir}')
    context.images = {image['id']: image for image in images}
    for rule in ANNOTATION_RULES + SCORED_RULES * scored:
        notes += _annotation_notes(rule, annotations, context, place)
    wanted = {c['id'] for c in data['categories'] if classes is None or c['name'] in classes}
    ours = [a for a in annotations if a['category_id'] in wanted]
    for rule in (MASK_RULE, SEGMENTATION_RULE) * masks + (POLYGON_RULE, ) * polygons:
        notes += _annotation_notes(rule, ours, context, place)
    # mmdet leaves out crowds, what is marked and boxes thinner than 1 pixel
    large = (boxes_of(ours)[:, 2:] >= 1).all(1)
    used = {a['image_id'] for a, fits in zip(ours, large)
            if fits and not a['iscrowd'] and not a.get('ignore')}
    if labelled and not used:
        raise InputError(f'{place}: none of its {len(images)} images has an object of the classes '
                         f'{_shorten(classes or names)}: of {len(annotations)} annotations '
                         f'{len(ours)} are of them, and of these {int(large.sum())} at least 1 pixel wide and high, '
                         f'{sum(bool(a["iscrowd"] or a.get("ignore")) for a in ours)} crowds or marked "ignore"; '
                         'annotate some, or correct the classes')
    return notes


def _annotation_notes(rule: Rule, annotations: list[dict], context: Context, place: str) -> list[str]:
    bad = rule.bad(annotations, context)
    if not len(bad):
        return []
    first = _name_annotation(annotations[bad[0]], context)
    return [_judge(rule, len(bad), len(annotations), first, place)]


def _read_picture(image: dict, img_dir: str) -> str | None:
    """Decode one picture; the reason where it cannot be used, None where it can."""
    try:
        with open(os.path.join(img_dir, image['file_name']), 'rb') as file:
            content = file.read()
        check_frame(content, decode_picture(content), image['width'], image['height'])
    except (OSError, PictureError) as error:
        return str(error)
    return None


def _sift(entries: list[dict], rules: Sequence[Rule], context: Context, kind: str,
          report: list[str]) -> list[dict]:
    """The entries that obey the rules, after mending those that a rule can mend."""
    for rule in rules:
        bad = rule.bad(entries, context)
        if not len(bad):
            continue
        name = _name_image if kind == 'image' else lambda a: _name_annotation(a, context)
        done = 'mended' if rule.mend else 'left out'
        report.append(f'{len(bad)} {kind}s {done}, the first: {name(entries[bad[0]])} {rule.text}')
        if rule.mend:
            for i in bad:
                rule.mend(entries[i], context)
        else:
            dropped = set(bad.tolist())
            entries = [entry for i, entry in enumerate(entries) if i not in dropped]
    return entries


def _write_json(data: dict, path: str) -> None:
    """Write a file that is either whole or absent, also with several writers."""
    with whole_file(path) as part, open(part, 'w', encoding='utf-8') as file:
        json.dump(data, file)


def write_clean(ann_file: str, img_dir: str, out_file: str, decode: bool = True) -> list[str]:
    """Copy an annotation file without the pictures and boxes that cannot be used.

    Args:
        ann_file: The annotation file; it is not changed.
        img_dir: The folder that its file names are relative to.
        out_file: The copy, written whole or not at all.
        decode: Also decode every picture (about 10 ms for one of 1 megapixel on one core) and
            compare its size with the stated one.

    Returns:
        One line for every kind of defect: how many, what was done, the first; empty if none.

    Raises:
        InputError: If the file is not COCO, or no picture is left.
    """
    data, report = _read(ann_file, img_dir, 'clean'), []
    ids = (a.get('id') for a in data['annotations'])
    free_ids = itertools.count(1 + max((int(i) for i in ids if is_number(i) and i > 0), default=0))
    context = Context(img_dir, {c['id'] for c in data['categories']}, free_ids=free_ids)
    images = _sift(data['images'], IMAGE_RULES, context, 'image', report)
    if decode:
        with ThreadPoolExecutor() as pool:  # decoders let go of Python's lock
            reasons = list(pool.map(lambda image: _read_picture(image, img_dir), images))
        broken = [f'{_name_image(i)}: {reason}' for i, reason in zip(images, reasons) if reason]
        if broken:
            report.append(f'{len(broken)} images left out that cannot be used: '
                          + '; '.join(broken[:20]) + ('; ...' if len(broken) > 20 else ''))
        images = [image for image, reason in zip(images, reasons) if not reason]
    if not images:
        raise InputError(f'{ann_file}: no picture is left of {len(data["images"])}: '
                         f'{report[-1] if report else "it lists none"}')
    context.images = {image['id']: image for image in images}
    lost = {i.get('id') for i in data['images'] if is_key(i.get('id'))} - context.images.keys()
    annotations = [a for a in data['annotations'] if not (is_key(a.get('image_id')) and a['image_id'] in lost)]
    annotations = _sift(annotations, ANNOTATION_RULES + SCORED_RULES, context, 'annotation', report)
    _write_json(dict(data, images=images, annotations=annotations), out_file)
    return report
