"""The train and the val part of labelled pictures: made, or as the labels bring them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..datasets.coco_file import keep_images
from ..datasets.near_duplicates import groups_of, print_of
from ..datasets.note import Example, Note
from ..datasets.picture import decode_picture
from ..datasets.split import split_groups
from ..errors import InputError, shown
from ..labels import TEST, VAL, Found


def part_to_score(found: Found) -> str | None:
    """The part of a split that the labels bring: val, or test where there is no val."""
    return next((part for part in (VAL, TEST) if part in found.part.values()), None)


def of_other_parts(found: Found, used: set[str | None]) -> tuple[set[str], list[str]]:
    """Pictures of a part of a split that is not used, and a line on them."""
    ids = {key for key, part in found.part.items() if part not in used}
    if not ids:
        return set(), []
    names = [i['file_name'] for i in found.data['images'] if i['id'] in ids]
    text = (
        f'split: {len(names)} pictures of another part, such as {shown(names[0])}, are neither '
        'trained nor scored on'
    )
    return {*map(os.path.normpath, names)}, [Note(text, Example(names[0]))]


def split(pictures: Path, data: dict, share: float, seed: int) -> tuple[dict, dict, list[str]]:
    """The train and the val part of what has none, near-duplicates on one side, and a line on it.

    Args:
        share: Of the pictures that are in val.

    Raises:
        InputError: There are too few pictures, or too few that are no near-duplicates.
    """
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
    alike = len(images) - len(np.unique(groups))
    note = f'split: {share:.0%} of the pictures to score on, seed {seed}'
    if alike:
        note += f'; {alike} near-duplicates stay beside what they resemble'
    train, val = ({images[i]['id'] for i in np.flatnonzero(part)} for part in (~in_val, in_val))
    return keep_images(data, train), keep_images(data, val), [note]


def shared(train: dict, val: dict) -> list[str]:
    """A line where val pictures are training pictures."""
    both = sorted({*_names(train)} & {*_names(val)})
    if not both:
        return []
    text = (
        f'{len(both)} of {len(val["images"])} val pictures are training pictures too, such as '
        f'{shown(both[0])}: the score says little of new pictures; take them out of one of the two'
    )
    return [Note(text, Example(both[0]))]


def twins(pictures: Path, train: dict, val: dict) -> list[str]:
    """A line where other val pictures resemble training pictures, which flatters the score."""
    seen, known = _names(train), {*_names(train)}
    groups = groups_of(np.concatenate([_prints(pictures, part['images']) for part in (train, val)]))
    trained, scored = groups[: len(seen)], groups[len(seen) :]
    is_twin = np.isin(scored, trained) & ~np.isin(_names(val), list(known))
    if not is_twin.any():
        return []
    place = int(is_twin.argmax())
    name, like = _names(val)[place], seen[int((trained == scored[place]).argmax())]
    text = (
        f'{is_twin.sum()} of {len(is_twin)} val pictures are near-duplicates of training pictures, '
        f'such as {shown(name)} of {shown(like)}: the score will be too good'
    )
    return [Note(text, Example(name), Example(like))]


def _names(data: dict) -> list[str]:
    return [os.path.normpath(image['file_name']) for image in data['images']]


def _prints(pictures: Path, images: Sequence[dict]) -> np.ndarray:
    return np.stack(
        [print_of(decode_picture((pictures / image['file_name']).read_bytes())) for image in images]
    )
