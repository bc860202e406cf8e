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
from ..datasets.label_notes import Objects, check_corners, check_masks, left_out, objects_of
from ..datasets.note import Example, Note, placed
from ..errors import InputError, shown
from ..labels import TRAIN, VAL, Found, read_any
from .parts import of_other_parts, part_to_score, shared, split, twins

ALL = 0.95  # share of objects with a segmentation from which on masks are trained


@dataclass
class Labels:
    """A train and a val part, COCO content each.

    Attributes:
        classes: Names of the K categories of which train has an object, in the file's order.
        with_mask: Whether the objects have segmentations.
        notes: What was found and mended, a line each.
        unseen: Names of what is not to be pretrained on: pictures to score on, masks.
        left_out: Pictures and objects of the two parts that the checks left out.
        bare: Pictures of the folder that the label files do not have.
        unused: Pictures of a part of a split that is neither trained nor scored on.
    """

    train: dict
    val: dict
    classes: tuple[str, ...]
    with_mask: bool
    notes: list[str] = field(default_factory=list)
    unseen: set[str] = field(default_factory=set)
    left_out: tuple[int, int] = (0, 0)
    bare: int = 0
    unused: int = 0

    @property
    def parts(self) -> dict[str, dict]:
        """The train and the val part by name."""
        return dict(train=self.train, val=self.val)

    def objects(self, part: str = 'train') -> Objects:
        """Those of ``classes`` in a part."""
        data = self.parts[part]
        ids = {c['id'] for c in data['categories'] if c['name'] in self.classes}
        ours = [a for a in data['annotations'] if a['category_id'] in ids]
        return objects_of(ours, data['images'])

    def has_run_lengths(self) -> bool:
        """Whether an object's mask is no polygon, in either part."""
        return any(
            isinstance(a.get('segmentation'), dict) and not a['iscrowd']
            for part in self.parts.values()
            for a in part['annotations']
        )

    def class_counts(self, part: str = 'train') -> dict[str, int]:
        """Objects of each class in a part."""
        return _class_counts(self.parts[part], self.classes)


def read_labels(
    pictures: Path, labels: Path, val: Path | None, val_share: float, seed: int
) -> Labels:
    """Read, check, clean and split.

    Raises:
        InputError: A file is of no known format, no picture or no object is left, or there are too
            few to split.
    """
    data = _parts(pictures, labels, val, val_share, seed)
    train, scored, notes = data.train, data.val, data.notes
    names = [c['name'] for c in train['categories']]
    counts = _class_counts(train, names)
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
        text = f'left out, as train has no object of them: {", ".join(absent)}'
        notes.append(Note(text, *_example_of(scored, set(names) - set(data.classes))))
    for name in data.parts:
        notes += _label_notes(data, name)
    return data


def _label_notes(data: Labels, part: str) -> list[str]:
    """Lines on what labels say that cannot be meant, or is not learnt or scored."""
    objects = data.objects(part)
    notes = check_corners(objects, part) + left_out(objects, part, scored=part == 'val')
    return notes + (check_masks(objects, part) if data.with_mask else [])


def _example_of(data: dict, classes: set[str]) -> list[Example]:
    """A picture with its objects of some classes, none where there are none."""
    ids = {c['id'] for c in data['categories'] if c['name'] in classes}
    ours = [a for a in data['annotations'] if a['category_id'] in ids]
    return [objects_of(ours, data['images']).example(*range(len(ours)))] if ours else []


def _parts(pictures: Path, labels: Path, val: Path | None, val_share: float, seed: int) -> Labels:
    """The checked train and val part.

    Val is that of ``--val``, else the labels' own, else a share of them.
    """
    found = _read('--labels', labels, pictures)
    with_mask, notes = _have_masks(found.of(TRAIN))
    notes = [*(placed('labels', line) for line in found.notes), *notes]
    train, more, lost = _cleaned(found.of(TRAIN), labels, pictures, with_mask)
    notes += more
    unseen, bare = set(found.masks), found.bare
    own = None if val else part_to_score(found)
    if val:
        other = _read('--val', val, pictures)
        part = other.of(part_to_score(other) or VAL)
        scored, more, also = _cleaned(part, val, pictures, with_mask)
        lost = lost + also
        notes += [*(placed('val', line) for line in other.notes), *more]
        unseen, bare = unseen | other.masks, bare & other.bare
    elif own:
        scored, more, also = _cleaned(found.of(own), labels, pictures, with_mask)
        lost = lost + also
        notes += [f"split: the labels' own, {own} to score on", *more]
    else:
        train, scored, more = split(pictures, train, val_share, seed)
        notes += more
    if val or own:
        notes += shared(train, scored) + twins(pictures, train, scored)
    other_parts, more = of_other_parts(found, {TRAIN, own})
    if bare:
        text = f'{len(bare)} pictures have no labels, such as {shown(min(bare))}'
        more.append(Note(text, Example(min(bare))))
    unseen |= other_parts | {os.path.normpath(i['file_name']) for i in scored['images']}
    names = [c['name'] for c in train['categories']]
    counts = _class_counts(train, names)
    return Labels(
        train,
        scored,
        tuple(name for name in names if counts[name]),
        with_mask,
        notes + more,
        unseen,
        tuple(lost.tolist()),
        len(bare),
        len(other_parts),
    )


def _number(data: dict) -> np.ndarray:
    """(2,) pictures and objects."""
    return np.array([len(data['images']), len(data['annotations'])])


def _have_masks(data: dict) -> tuple[bool, list[str]]:
    objects = [a for a in data['annotations'] if not a.get('iscrowd')]
    masked = sum(bool(a.get('segmentation')) for a in objects)
    if not masked:
        return False, ['masks: none, the objects have boxes alone']
    if masked < ALL * len(objects):
        text = f'masks: not trained, {masked} of {len(objects)} objects have a segmentation: add '
        bare = next(a for a in objects if not a.get('segmentation'))
        names = [i.get('file_name') for i in data['images'] if i.get('id') == bare.get('image_id')]
        return False, [
            Note(text + 'the others', *(Example(str(name), (bare,)) for name in names[:1]))
        ]
    return True, [f'masks: {masked} of {len(objects)} objects have a segmentation']


def _read(option: str, path: Path, pictures: Path) -> Found:
    if not path.exists():
        raise InputError(f'{option}: there is no file {path}: correct its path')
    return read_any(path, pictures)


def _cleaned(
    data: dict, source: Path, pictures: Path, with_mask: bool
) -> tuple[dict, list[str], np.ndarray]:
    """A part without what cannot be used, lines on it, and (2,) how much that is."""
    place = shown(str(source), 160)
    clean, report = clean_labels(data, place, str(pictures), masks=with_mask)
    lost = _number(data) - _number(clean)
    return clean, [placed(source.name, line) for line in report], lost


def _class_counts(data: dict, names: Sequence[str]) -> dict[str, int]:
    by_id = Counter(a['category_id'] for a in data['annotations'] if not a['iscrowd'])
    by_name = {c['name']: by_id[c['id']] for c in data['categories']}
    return {name: by_name.get(name, 0) for name in names}
