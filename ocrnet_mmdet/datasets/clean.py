"""Checks of a user's data before training, and a copy of its annotations without what is bad.

Plain functions of paths, without mmdet; check_config.py applies them to the data sets of a config.
Boxes are xywh in pixels of the picture.
"""

from __future__ import annotations

import difflib
import itertools
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import InputError, shown
from .coco_file import read_coco, write_json
from .coco_rules import (
    ANNOTATION_RULES,
    IMAGE_RULES,
    LARGEST_ID,
    RARE,
    SCORED_RULES,
    Context,
    Rule,
    is_key,
    is_number,
)
from .label_notes import Objects, check_corners, check_masks, objects_of
from .mask_rules import MASK_RULE, POLYGON_RULE, SCORED_SEGMENTATION_RULE, SEGMENTATION_RULES
from .note import Example, Note
from .picture import check_frame, decode_picture


def _shorten(names: Sequence[str]) -> str:
    text = ', '.join(shown(str(name), 30) for name in names[:6])
    return f'({text}, ... {len(names)} in all)' if len(names) > 6 else f'({text})'


def _check_classes(categories: list[dict], classes: Sequence[str], place: str) -> None:
    """Raise InputError unless each of ``classes`` is, as text, one category's name in the file."""
    names = [str(c['name']) for c in categories]
    lists = f"the config's classes are {_shorten(classes)}, the file's {_shorten(names)}"
    counts, given = Counter(names), Counter(classes)
    for name in classes:
        if counts[name] > 1 or given[name] > 1:
            raise InputError(
                f'{place} has {counts[name]} categories named {shown(name)!r}, the config '
                f'{given[name]}: give every category its own name'
            )
        if name not in counts:
            lower = {n.lower(): n for n in names}
            near = difflib.get_close_matches(name.lower(), lower, 1)
            hint = f' (did you mean {shown(lower[near[0]])!r}?)' if near else ''
            raise InputError(
                f'{place} has no class {shown(name)!r}{hint}: {lists}; set '
                'metainfo=dict(classes=...) of the data set to names of the file'
            )


def _name_image(image: dict) -> str:
    return f'image {shown(image.get("file_name", image.get("id", "without a name")))}'


def _name_annotation(annotation: dict, context: Context) -> str:
    image_id = annotation.get('image_id')
    image = context.images.get(image_id, {}) if is_key(image_id) else {}
    picture = shown(image.get('file_name', f'image_id {shown(image_id, 40)}'))
    box = shown(annotation.get('bbox'), 60)
    return f'annotation {shown(annotation.get("id"), 40)} ({picture}, box {box})'


def _example(entry: dict, context: Context, kind: str) -> list[Example]:
    """The picture of an image or an annotation as it came; none where none is named."""
    image = entry
    if kind == 'annotation':
        key = entry.get('image_id')
        image = context.images.get(key, {}) if is_key(key) else {}
    name = image.get('file_name')
    if not isinstance(name, str) or not name:
        return []
    return [Example(name, (dict(entry),) if kind == 'annotation' else ())]


def _judge(rule: Rule, count: int, total: int, first: str, place: str) -> str:
    """A note for the log, or InputError where the defect is not a rare one that mmdet skips."""
    if rule.rare_is_fine and count <= RARE * total:
        return f'{place}: {count} of {total} are left out by mmdet: {first} {rule.text}'
    raise InputError(f'{place}: {first} {rule.text} ({count} such of {total}): {rule.fix}')


def check_dataset(
    ann_file: str, img_dir: str, classes: Sequence[str] | None, what: str, **options
) -> list[str]:
    """Notes of :func:`check_labels` on a file of COCO's, most often none; raises as that does."""
    return check_labels(
        read_coco(ann_file, img_dir, what),
        f'{what}: {shown(ann_file, 160)}',
        img_dir,
        classes,
        **options,
    )[0]


def check_labels(
    data: dict,
    place: str,
    img_dir: str,
    classes: Sequence[str] | None,
    masks: bool = False,
    polygons: bool = False,
    labelled: bool = True,
    scored: bool = False,
) -> tuple[list[str], Objects]:
    """Check the content of a COCO file without decoding its pictures.

    Args:
        data: The content, see :func:`read_coco`.
        place: Name of the data set and of the file, for the messages.
        img_dir: The folder that its file names are relative to.
        classes: Class names of the config, in any order; None takes the file's.
        masks: Whether every annotation needs a segmentation.
        polygons: Whether it must be polygons (``LoadAnnotations`` with ``poly2mask=False``).
        labelled: Whether the set must have objects (COCO's test-dev file has none).
        scored: Whether pycocotools is to score it.

    Returns:
        Notes worth a line in the log each, most often none; the objects of these classes.

    Raises:
        InputError: At the first defect, with the first entry that has it and their number.
    """
    images, annotations, notes = data['images'], data['annotations'], []
    if not images:
        raise InputError(f'{place} lists no images: export it again')
    names = [str(c['name']) for c in data['categories']]
    _check_classes(data['categories'], names if classes is None else classes, place)
    context = Context(img_dir, {c['id'] for c in data['categories']})
    _check_images(images, context, place)
    context.images = {image['id']: image for image in images}
    for rule in ANNOTATION_RULES + SCORED_RULES * scored:
        notes += _annotation_notes(rule, annotations, context, place)
    wanted = {c['id'] for c in data['categories'] if classes is None or str(c['name']) in classes}
    ours = [a for a in annotations if a['category_id'] in wanted]
    for rule in _mask_rules(masks, polygons, scored):
        notes += _annotation_notes(rule, ours, context, place)
    objects = objects_of(ours, images)
    if labelled and not objects.trained.any():
        raise _no_object(data, objects, classes or names, place)
    notes += check_corners(objects, place)
    return notes + (check_masks(objects, place) if masks else []), objects


def _check_images(images: list[dict], context: Context, place: str) -> None:
    for rule in IMAGE_RULES:
        bad = rule.bad(images, context)
        if len(bad):
            where = f'{place}: {shown(context.img_dir, 120)}'
            _judge(rule, len(bad), len(images), _name_image(images[bad[0]]), where)


def _no_object(data: dict, objects: Objects, classes: Sequence[str], place: str) -> InputError:
    return InputError(
        f'{place}: none of its {len(data["images"])} images has an object of the classes '
        f'{_shorten(classes)}: of {len(data["annotations"])} annotations '
        f'{len(objects.boxes)} are of them, and of these {int((~objects.thin).sum())} at least 1 '
        f'pixel wide and high, {int((objects.crowd | objects.marked).sum())} crowds or marked '
        '"ignore"; annotate some, or correct the classes'
    )


def _mask_rules(masks: bool, polygons: bool, scored: bool) -> tuple[Rule, ...]:
    return (MASK_RULE, *SEGMENTATION_RULES, *(SCORED_SEGMENTATION_RULE,) * scored) * masks + (
        POLYGON_RULE,
    ) * polygons


def _annotation_notes(
    rule: Rule, annotations: list[dict], context: Context, place: str
) -> list[str]:
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
    except (OSError, ValueError) as error:  # PictureError; a name that no file can have
        return str(error)
    return None


def _readable(images: list[dict], context: Context, report: list[str]) -> list[dict]:
    """The images whose pictures can be used, with a line in the report on the others."""
    with ThreadPoolExecutor() as pool:  # decoders let go of Python's lock
        reasons = list(pool.map(lambda image: _read_picture(image, context.img_dir), images))
    broken = [(image, reason) for image, reason in zip(images, reasons) if reason]
    if broken:
        named = [f'{_name_image(image)}: {reason}' for image, reason in broken[:20]]
        text = '; '.join(named) + ('; ...' if len(broken) > 20 else '')
        report.append(
            Note(
                f'{len(broken)} images left out that cannot be used: {text}',
                *_example(broken[0][0], context, 'image'),
            )
        )
    return [image for image, reason in zip(images, reasons) if not reason]


def _sift(
    entries: list[dict], rules: Sequence[Rule], context: Context, kind: str, report: list[str]
) -> list[dict]:
    """The entries that obey the rules, after mending those that a rule can mend."""
    for rule in rules:
        bad = rule.bad(entries, context)
        if not len(bad):
            continue
        name = _name_image if kind == 'image' else lambda a: _name_annotation(a, context)
        done = 'mended' if rule.mend else 'left out'
        first = entries[bad[0]]
        report.append(
            Note(
                f'{len(bad)} {kind}s {done}, the first: {name(first)} {rule.text}',
                *_example(first, context, kind),
            )
        )
        if rule.mend:
            for i in bad:
                rule.mend(entries[i], context)
        else:
            dropped = set(bad.tolist())
            entries = [entry for i, entry in enumerate(entries) if i not in dropped]
    return entries


def write_clean(
    ann_file: str, img_dir: str, out_file: str, decode: bool = True, masks: bool = False
) -> list[str]:
    """Copy an annotation file without the pictures and boxes that cannot be used.

    Args:
        ann_file: The annotation file; it is not changed.
        img_dir: The folder that its file names are relative to.
        out_file: The copy, written whole or not at all.
        decode, masks: As of :func:`clean_labels`.

    Returns:
        The report of :func:`clean_labels`.

    Raises:
        InputError: If the file is not COCO, or no picture is left.
    """
    data = read_coco(ann_file, img_dir, 'clean')
    clean, report = clean_labels(data, shown(ann_file, 160), img_dir, decode, masks)
    write_json(clean, out_file)
    return report


def clean_labels(
    data: dict, place: str, img_dir: str, decode: bool = True, masks: bool = False
) -> tuple[dict, list[str]]:
    """The content of a COCO file without the pictures and boxes that cannot be used.

    Args:
        data: The content, see :func:`read_coco`; entries that can be mended are, in place.
        place: Name of the file, for the messages.
        img_dir: The folder that its file names are relative to.
        decode: Also decode every picture (about 10 ms for one of 1 megapixel on one core) and
            compare its size with the stated one.
        masks: Also leave out objects whose segmentation is bad; those without one stay.

    Returns:
        The content; one line for every kind of defect: how many, what was done, the first.

    Raises:
        InputError: No picture is left.
    """
    report: list[str] = []
    ids = (a.get('id') for a in data['annotations'])
    known = (int(i) for i in ids if is_number(i) and 0 < i < LARGEST_ID // 2)
    free_ids = itertools.count(1 + max(known, default=0))
    context = Context(img_dir, {c['id'] for c in data['categories']}, free_ids=free_ids)
    images = _sift(data['images'], IMAGE_RULES, context, 'image', report)
    if decode:
        images = _readable(images, context, report)
    if not images:
        raise InputError(
            f'{place}: no picture is left of {len(data["images"])}: '
            f'{report[-1] if report else "it lists none"}'
        )
    context.images = {image['id']: image for image in images}
    rules = (
        *ANNOTATION_RULES,
        *SCORED_RULES,
        *(*SEGMENTATION_RULES, SCORED_SEGMENTATION_RULE) * masks,
    )
    annotations = _sift(_of_kept_images(data, context), rules, context, 'annotation', report)
    return dict(data, images=images, annotations=annotations), report


def _of_kept_images(data: dict, context: Context) -> list[dict]:
    """Annotations without those of pictures that were left out; those of none at all stay."""
    lost = {i.get('id') for i in data['images'] if is_key(i.get('id'))} - context.images.keys()
    return [
        a for a in data['annotations'] if not (is_key(a.get('image_id')) and a['image_id'] in lost)
    ]
