"""Labelled pictures as training takes them: checked by its rules, cleaned, split.

N pictures, K classes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..datasets.clean import clean_labels
from ..datasets.coco_file import write_json
from ..datasets.label_notes import Objects, objects_of
from ..datasets.near_duplicates import groups_of, print_of
from ..datasets.picture import decode_picture
from ..datasets.split import split_groups
from ..errors import InputError, shown
from ..labels import TEST, TRAIN, VAL, Found, read_any

ALL = 0.95  # share of objects with a segmentation from which on masks are trained


@dataclass
class Labels:
    """A train and a val part, COCO content each.

    Attributes:
        classes: Names of the K categories of which train has an object, in the file's order.
        with_mask: Whether the objects have segmentations.
        notes: What was found and mended, a line each.
        unseen: Names of what is not to be pretrained on: pictures to score on, masks.
    """

    train: dict
    val: dict
    classes: tuple[str, ...]
    with_mask: bool
    notes: list[str] = field(default_factory=list)
    unseen: set[str] = field(default_factory=set)

    def objects(self) -> Objects:
        """Those of ``classes`` in the train part."""
        ids = {c['id'] for c in self.train['categories'] if c['name'] in self.classes}
        ours = [a for a in self.train['annotations'] if a['category_id'] in ids]
        return objects_of(ours, self.train['images'])

    def has_run_lengths(self) -> bool:
        """Whether an object's mask is no polygon, in either part."""
        return any(
            isinstance(a.get('segmentation'), dict) and not a['iscrowd']
            for part in (self.train, self.val)
            for a in part['annotations']
        )

    def class_counts(self) -> dict[str, int]:
        """Objects of each class in the train part."""
        return _class_counts(self.train, self.classes)


def read_labels(
    pictures: Path, labels: Path, val: Path | None, val_share: float, seed: int, folder: Path
) -> Labels:
    """Read, check, clean and split; leaves train.json and val.json in ``folder``.

    Raises:
        InputError: A file is of no known format, no picture or no object is left, or there are too
            few to split.
    """
    train, scored, with_mask, notes, unseen = _parts(pictures, labels, val, val_share, seed)
    for name, part in dict(train=train, val=scored).items():
        write_json(part, str(folder / f'{name}.json'))
    names = [c['name'] for c in train['categories']]
    counts = _class_counts(train, names)
    classes = tuple(name for name in names if counts[name])
    data = Labels(train, scored, classes, with_mask, notes, unseen)
    if not data.classes:
        raise InputError(
            f'{labels}: none of its {len(train["images"])} training pictures has an object: '
            'annotate some'
        )
    notes.append(
        f'train: {len(train["images"])} pictures, val: {len(scored["images"])}; objects of '
        + ', '.join(
            f'{shown(name)} {counts[name]} / {n}'
            for name, n in _class_counts(scored, names).items()
        )
    )
    absent = [shown(name) for name in names if not counts[name]]
    if absent:
        notes.append(f'left out, as train has no object of them: {", ".join(absent)}')
    return data


def _parts(
    pictures: Path, labels: Path, val: Path | None, val_share: float, seed: int
) -> tuple[dict, dict, bool, list[str], set[str]]:
    """The checked train and val part, whether masks are trained, notes, what is not pretrained on.

    Val is that of ``--val``, else the labels' own, else a share of them.
    """
    found = _read('--labels', labels, pictures)
    with_mask, notes = _have_masks(found.of(TRAIN))
    notes = [*(f'labels: {line}' for line in found.notes), *notes]
    train, more = _cleaned(found.of(TRAIN), labels, pictures, with_mask)
    notes += more
    unseen, bare = set(found.masks), found.bare
    own = None if val else _part_to_score(found)
    if val:
        other = _read('--val', val, pictures)
        scored, more = _cleaned(other.of(_part_to_score(other) or VAL), val, pictures, with_mask)
        notes += [*(f'val: {line}' for line in other.notes), *more]
        unseen, bare = unseen | other.masks, bare & other.bare
    elif own:
        scored, more = _cleaned(found.of(own), labels, pictures, with_mask)
        notes += [f"split: the labels' own, {own} to score on", *more]
    else:
        train, scored, more = _split(pictures, train, val_share, seed)
        notes += more
    if val or own:
        notes += _twins(pictures, train, scored)
    other_parts, more = _of_other_parts(found, {TRAIN, own})
    if bare:
        more.append(f'{len(bare)} pictures have no labels, such as {shown(min(bare))}')
    unseen |= other_parts | {os.path.normpath(i['file_name']) for i in scored['images']}
    return train, scored, with_mask, notes + more, unseen


def _have_masks(data: dict) -> tuple[bool, list[str]]:
    objects = [a for a in data['annotations'] if not a.get('iscrowd')]
    masked = sum(bool(a.get('segmentation')) for a in objects)
    if not masked:
        return False, ['masks: none, the objects have boxes alone']
    if masked < ALL * len(objects):
        return False, [
            f'masks: not trained, {masked} of {len(objects)} objects have a segmentation: add the '
            'others'
        ]
    return True, [f'masks: {masked} of {len(objects)} objects have a segmentation']


def _read(option: str, path: Path, pictures: Path) -> Found:
    if not path.exists():
        raise InputError(f'{option}: there is no file {path}: correct its path')
    return read_any(path, pictures)


def _part_to_score(found: Found) -> str | None:
    """The part of a split that the labels bring: val, or test where there is no val."""
    return next((part for part in (VAL, TEST) if part in found.part.values()), None)


def _of_other_parts(found: Found, used: set[str | None]) -> tuple[set[str], list[str]]:
    """Pictures of a part of a split that is not used, and a line on them."""
    ids = {key for key, part in found.part.items() if part not in used}
    if not ids:
        return set(), []
    names = [i['file_name'] for i in found.data['images'] if i['id'] in ids]
    return {*map(os.path.normpath, names)}, [
        f'split: {len(names)} pictures of another part, such as {shown(names[0])}, are neither '
        'trained nor scored on'
    ]


def _cleaned(data: dict, source: Path, pictures: Path, with_mask: bool) -> tuple[dict, list[str]]:
    place = shown(str(source), 160)
    clean, report = clean_labels(data, place, str(pictures), masks=with_mask)
    return clean, [f'{source.name}: {line}' for line in report]


def _class_counts(data: dict, names: Sequence[str]) -> dict[str, int]:
    by_id = Counter(a['category_id'] for a in data['annotations'] if not a['iscrowd'])
    by_name = {c['name']: by_id[c['id']] for c in data['categories']}
    return {name: by_name.get(name, 0) for name in names}


def _prints(pictures: Path, images: Sequence[dict]) -> np.ndarray:
    return np.stack(
        [print_of(decode_picture((pictures / image['file_name']).read_bytes())) for image in images]
    )


def _split(pictures: Path, data: dict, share: float, seed: int) -> tuple[dict, dict, list[str]]:
    images = data['images']
    if len(images) < 2:
        raise InputError(
            f'{len(images)} labelled picture cannot be split: label more, or name --val'
        )
    row = {image['id']: i for i, image in enumerate(images)}
    column = {c['id']: k for k, c in enumerate(data['categories'])}
    counts = np.zeros((len(images), len(column)))
    for annotation in data['annotations']:
        counts[row[annotation['image_id']], column[annotation['category_id']]] += not annotation[
            'iscrowd'
        ]
    groups = groups_of(_prints(pictures, images))
    in_val = split_groups(counts, groups, share, seed)
    if not in_val.any() or in_val.all():
        raise InputError(
            f'the {len(images)} labelled pictures are {len(np.unique(groups))} groups of '
            'near-duplicates, which cannot be split: label other pictures, or name --val'
        )
    twins = len(images) - len(np.unique(groups))
    note = f'split: {share:.0%} of the pictures to score on, seed {seed}'
    if twins:
        note += f'; {twins} near-duplicates stay beside what they resemble'
    return _part(data, images, ~in_val), _part(data, images, in_val), [note]


def _part(data: dict, images: Sequence[dict], chosen: np.ndarray) -> dict:
    kept = [image for image, keep in zip(images, chosen) if keep]
    ids = {image['id'] for image in kept}
    return dict(
        data, images=kept, annotations=[a for a in data['annotations'] if a['image_id'] in ids]
    )


def _twins(pictures: Path, train: dict, val: dict) -> list[str]:
    """A line where val pictures resemble training pictures, which flatters the score."""
    groups = groups_of(np.concatenate([_prints(pictures, part['images']) for part in (train, val)]))
    number = len(train['images'])
    twins = np.isin(groups[number:], groups[:number])
    return (
        [
            f'{twins.sum()} of {len(twins)} val pictures are near-duplicates of training '
            f'pictures, such as {shown(val["images"][int(twins.argmax())]["file_name"])}: the '
            'score will be too good'
        ]
        if twins.any()
        else []
    )
