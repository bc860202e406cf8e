"""Masks as pictures, kept beside the pictures they belong to.

| layout | what a mask picture is |
|---|---|
| ``x.png``, ``x_mask.png`` of a picture ``x`` | all objects: a value or colour each, 0 none |
| ``x/1.png``, ``x/masks/2.png`` of a picture ``x`` | one object: all that is not 0 |

Where all masks of the first kind have one and the same value, each connected part is an object.
The class is the name of a folder that is neither the picture's own nor such as ``masks``; without
one it is ``object``.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import label as connected

from ..errors import InputError, shown
from .kinds import MASKS, Source
from .pictures import Pictures
from .reading import PARTS, Found, LabelError, Reading
from .shapes import Shape

ONE_CLASS = 'object'
ENDINGS = tuple(
    f'{sign}{word}'
    for sign in '_-.'
    for word in ('masks', 'mask', 'labels', 'label', 'instances', 'instance', 'inst', 'gt', 'seg')
)
# Folders whose names say what lies in them and no class.
PLACES = frozenset(
    'masks mask labels label annotations annotation instances instance gt groundtruth images image '
    'segmentation segmentations seg png'.split()
) | {*PARTS}
LOSSY = ('JPEG', 'MPO', 'WEBP')


def read_masks(source: Source, pictures: Pictures) -> Found:
    """Masks of every picture that has some."""
    folder, root = str(pictures.folder), os.path.abspath(source.root)
    files = source.files
    if Path(folder).is_relative_to(root):  # pictures and masks below one folder
        files = [file for file in files if _is_called_mask(file, pictures)]
        if not files:
            raise InputError(
                f'{shown(root, 160)} holds pictures and no labels: name the folder of the labels, '
                'or put mask pictures into folders called masks, or call them x_mask.png'
            )
    inside = [os.path.relpath(os.path.abspath(file), folder) for file in files]
    masks = frozenset(name for name in inside if not name.startswith('..'))
    pictures.leave_out(masks)
    reading = Reading(pictures)
    reading.masks = masks
    of_picture: dict[str, list[tuple[Path, str, bool]]] = defaultdict(list)
    for file in files:
        place = os.path.relpath(file, source.root)
        if found := _picture_of(place, pictures):
            name, single = found
            of_picture[name].append((file, _class_of(place, name), single))
        else:
            reading.count('masks of no picture, or of several of that name, left out', place)
    value = _one_value(
        [file for ours in of_picture.values() for file, _, single in ours if not single]
    )
    if value:
        reading.notes.append(
            f'objects: connected parts, as all masks have the one value {value} beside 0'
        )
    for name, ours in of_picture.items():
        with reading.reading(name):
            image = reading.image(name, *pictures.size(name))
            for file, kind, single in ours if image else ():
                for mask in _objects(file, single, bool(value)):
                    _add(image or {}, kind, mask, file, reading)
    return reading.found(f'{MASKS}, {len(files)} files')


def _is_called_mask(file: Path, pictures: Pictures) -> bool:
    """Whether it lies in a folder of masks or has the name of another picture and an ending."""
    if {'masks', 'mask'} & {part.lower() for part in file.parent.parts}:
        return True
    plain = _plain(os.path.abspath(file.with_suffix('')))
    return plain is not None and pictures.find(plain) is not None


def _plain(stem: str) -> str | None:
    return next((stem[: -len(e)] for e in ENDINGS if stem.lower().endswith(e)), None)


def _picture_of(place: str, pictures: Pictures) -> tuple[str, bool] | None:
    """The picture that a mask belongs to, and whether the mask is of a single object."""
    stem = os.path.splitext(place)[0]
    for name in (stem, _plain(stem)):
        if name and (found := pictures.find(name)):
            return found, False
    folders = os.path.dirname(place)
    while folders:
        if found := pictures.find(folders):
            return found, True
        folders = os.path.dirname(folders)
    return None


def _class_of(place: str, picture: str) -> str:
    """The last folder on a mask's way that is neither on the picture's nor names a kind of file."""
    theirs = {*os.path.splitext(picture)[0].split(os.sep)}
    folders = os.path.dirname(place).split(os.sep)
    ours = [f for f in folders if f and f not in theirs and f.lower() not in PLACES]
    return ours[-1] if ours else ONE_CLASS


def _values(file: Path) -> np.ndarray:
    """(H, W) whole numbers of a mask picture: grey values, palette places or packed colours.

    Raises:
        LabelError: It is no picture, or of a format that changes values.
    """
    try:
        with Image.open(file) as picture:
            if picture.format in LOSSY:
                raise LabelError(f'{file.name} is {picture.format}, which changes values: give PNG')
            values = np.asarray(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise LabelError(f'{file.name}: {error}') from error
    if values.ndim == 3:  # an alpha says nothing of the object
        colours = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        values = (colours.astype(np.int64) << 8 * np.arange(colours.shape[2])).sum(2)
    return values.astype(np.int64)


def _one_value(files: list[Path]) -> int:
    """The value that all masks have beside 0; 0 where there are several, or no object twice."""
    value, parts = 0, 0
    for file in files:
        try:
            values = _values(file)
        except LabelError:  # said where its picture is read
            continue
        there = np.unique(values[values != 0])
        if len(there) > 1 or len(there) and value not in (0, there[0]):
            return 0
        value = int(there[0]) if len(there) else value
        parts = max(parts, int(connected(values != 0, connectivity=2).max()))
    return value if parts > 1 else 0


def _objects(file: Path, single: bool, by_parts: bool) -> Iterator[np.ndarray]:
    """(H, W) bool each."""
    values = _values(file)
    if single:
        yield values != 0
        return
    values = connected(values != 0, connectivity=2) if by_parts else values
    for value in np.unique(values[values != 0]):
        yield values == value


def _add(image: dict, kind: str, mask: np.ndarray, file: Path, reading: Reading) -> None:
    if mask.shape != (image['height'], image['width']):
        raise LabelError(
            f'{file.name} has {mask.shape[1]} x {mask.shape[0]} pixels, its picture '
            f'{image["width"]} x {image["height"]}'
        )
    reading.add(image, kind, [Shape(mask=mask)])
