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
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import label as connected

from ..errors import InputError, shown
from .files import LabelError
from .kinds import MASKS, Source
from .parts import PARTS
from .pictures import Pictures
from .reading import ONE_CLASS, Found, Reading
from .shapes import Shape, run_lengths

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
LARGE = 2**24  # up to it floats of 32 bits hold every whole number
MOST = 2**16  # objects of a mask: 16-bit files hold no more
VOID, VOID_COLOUR = 255, [224, 224, 192]  # of Pascal VOC's palette: a seam around the objects
LOSSY = ('JPEG', 'MPO', 'WEBP')


def read_masks(source: Source, pictures: Pictures) -> Found:
    """Masks of every picture that has some."""
    folder, root = str(pictures.folder), os.path.abspath(source.root)
    files = source.files
    if Path(folder).is_relative_to(root):  # pictures and masks below one folder
        files = [file for file in files if _is_called_mask(file, root, pictures)]
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
    size_of: dict[str, tuple[int, int]] = {}
    masks_of: dict[str, list[Mask]] = {}
    for name, ours in of_picture.items():
        with reading.reading(name):
            size_of[name] = pictures.size(name)
            masks_of[name] = [Mask(*of_file, *size_of[name]) for of_file in ours]
    value = _one_value([mask for read in masks_of.values() for mask in read])
    if value:
        reading.notes.append(
            f'objects: connected parts, as all masks have the one value {value} beside 0'
        )
    for name, read in masks_of.items():
        with reading.reading(name):
            image = reading.image(name, *size_of[name])
            for mask in read if image else ():
                if mask.has_void:
                    what = "masks with VOC's void seam of value 255, which is no object"
                    reading.count(what, name, name)
                for runs in mask.parts if value else mask.objects:
                    reading.add(image or {}, mask.kind, [Shape(mask=runs)])
    return reading.found(f'{MASKS}, {len(files)} files')


def _is_called_mask(file: Path, root: str, pictures: Pictures) -> bool:
    """Whether it lies in a folder of masks or has the name of another picture and an ending."""
    if {'masks', 'mask'} & {*os.path.relpath(file.parent, root).lower().split(os.sep)}:
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


class Mask:
    """A mask picture's objects as run lengths: the pixels are read once and not kept.

    Args:
        file: The mask picture.
        kind: The class of its objects.
        single: Whether it is one object.
        width, height: Of its picture.

    Attributes:
        objects: Of each value; of a ``single`` mask all that is not 0.
        parts: The connected parts of what has one value alone; else ``objects``.
        value: That one value; 0 where there is none, None where there are several.
        has_void: Whether VOC's void was left out of them.

    Raises:
        LabelError: It cannot be read, or is of another size.
    """

    def __init__(self, file: Path, kind: str, single: bool, width: int, height: int) -> None:
        self.kind, self.single = kind, single
        values, with_voc_palette = _values(file, width, height)
        there = np.unique(values)
        there = there[there != 0]
        ends = there[-2:].tolist()
        # where 254 is an object, 255 may be one
        self.has_void = with_voc_palette and ends[1:] == [VOID] and ends[0] != VOID - 1
        if self.has_void:
            values[values == VOID] = 0
            there = there[:-1]
        if len(there) > MOST and not single:
            raise LabelError(f'{file.name} has {len(there)} values, as a photo has: give masks')
        self.value: int | None = None if len(there) > 1 else int(there.sum())
        if single or self.value is not None:
            self.objects = [run_lengths(values != 0)]
        else:
            self.objects = [run_lengths(values == value) for value in there]
        self.parts = self.objects
        if not single and self.value:
            labels = connected(values != 0, connectivity=2)
            self.parts = [run_lengths(labels == i) for i in range(1, labels.max() + 1)]


def _values(file: Path, width: int, height: int) -> tuple[np.ndarray, bool]:
    """(height, width) whole numbers of a mask picture: grey values, palette places or packed
    colours; whether its palette has VOC's void.

    Raises:
        LabelError: It is no picture, of another size, or of a format that changes values.
    """
    try:
        with Image.open(file) as picture:
            if picture.format in LOSSY:
                raise LabelError(f'{file.name} is {picture.format}, which changes values: give PNG')
            if picture.size != (width, height):
                raise LabelError(
                    f'{file.name} has {picture.width} x {picture.height} pixels, its picture '
                    f'{width} x {height}'
                )
            values = np.asarray(picture)
            palette = picture.getpalette() if picture.mode == 'P' else None
    except LabelError:
        raise
    except Exception as error:  # on damaged files Pillow raises what it happens to meet
        raise LabelError(f'{file.name}: {shown(str(error) or type(error).__name__)}') from error
    if values.ndim == 3:  # an alpha says nothing of the object
        colours = values[..., :3] if values.shape[2] > 2 else values[..., :1]
        values = (colours.astype(np.int64) << 8 * np.arange(colours.shape[2])).sum(2)
    if values.dtype.kind == 'f' and not (values == np.clip(np.round(values), -LARGE, LARGE)).all():
        raise LabelError(f'{file.name} has values that are no whole numbers')
    has_void = palette is not None and palette[3 * VOID : 3 * VOID + 3] == VOID_COLOUR
    return values.astype(np.int64), has_void


def _one_value(masks: list[Mask]) -> int:
    """The value that all masks of all objects have beside 0; 0 where there are several, or no
    object twice.
    """
    masks = [mask for mask in masks if not mask.single]
    values = {mask.value for mask in masks} - {0}
    if len(values) != 1 or not any(len(mask.parts) > 1 for mask in masks):
        return 0
    return values.pop() or 0
