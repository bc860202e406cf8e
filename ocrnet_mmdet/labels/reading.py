"""What readers of label files gather: images, objects, classes, and what was left out of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from pycocotools import mask as coco_mask

from ..datasets.note import Example, Note
from ..datasets.outlines import too_large
from ..datasets.picture_header import MAX_PIXELS, PictureError
from ..errors import shown
from .files import LabelError
from .parts import OTHER, is_split
from .pictures import Pictures
from .shapes import LEAST, Shape, annotation_of, outlines_of

FAR = 1e9  # pixels: farther numbers are none of a picture, and their areas may be infinite
ONE_CLASS = 'object'  # where labels name no class
MOST = 2  # of shares: a box may be drawn past the edge; beyond it numbers are pixels
DIGITS = 2  # of pixels that were shares: what the usual six digits of these hold


@dataclass
class Found:
    """Labels as COCO has them.

    Attributes:
        data: Content of a COCO file, names relative to the picture folder.
        notes: What was taken, mended and left out, a line each.
        part: ``train``, ``val``, ``test`` or ``other`` of the images, by id, where the labels have
            a split.
        masks: Names below the picture folder that are masks and no pictures.
        bare: Names of pictures without labels.
    """

    data: dict
    notes: list[str]
    part: dict[int | str, str] = field(default_factory=dict)
    masks: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()

    def of(self, part: str) -> dict:
        """The content of one part; all of it where there are none."""
        if not self.part:
            return self.data
        images = [i for i in self.data['images'] if self.part.get(i.get('id')) == part]
        ids = {image['id'] for image in images}
        ours = [a for a in self.data['annotations'] if a.get('image_id') in ids]
        return dict(self.data, images=images, annotations=ours)


class Reading:
    """Gathers labels.

    Args:
        pictures: What they belong to.
        classes: Names in their order; those that come up beside them follow in the alphabet's.
    """

    def __init__(self, pictures: Pictures, classes: Sequence[str] = ()) -> None:
        self.pictures = pictures
        self.classes = list(classes)
        self.notes: list[str] = []
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        self.part: dict[int | str, str] = {}
        self.masks: frozenset[str] = frozenset()
        self._taken: set[str] = set()
        self._left_out: dict[str, list[tuple[str, str | dict]]] = {}

    def count(self, what: str, example: str, about: str | dict = '') -> None:
        """Count what is left out or mended; the first is named.

        Args:
            about: The picture or its label file by name, or the annotation, where there is one.
        """
        self._left_out.setdefault(what, []).append((example, about))

    @contextmanager
    def reading(self, file: str) -> Iterator[None]:
        """Leave out the picture of a file, or of a part of one, that is damaged.

        All objects of a picture go with the one that cannot be read: a picture of which some are
        labelled teaches that the others are none.
        """
        images, annotations = len(self.images), len(self.annotations)
        try:
            yield
        except (LabelError, PictureError, OSError) as error:
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            for image in self.images[images:]:
                self._taken.discard(image['file_name'])
                self.part.pop(image['id'], None)
            del self.images[images:], self.annotations[annotations:]
            self.count('damaged, left out with their pictures', f'{file}: {reason}', file)

    def image(
        self,
        names: str | Iterable[str],
        width: object = None,
        height: object = None,
        part: str | None = None,
    ) -> dict | None:
        """The entry of a picture; None, counted, where it is not there or has labels already.

        Args:
            names: As the label file has them; the first that leads to a picture counts.
            width, height: As the label file has them; without them, or of 0, the picture's own.
            part: ``train``, ``val`` or ``test``, where the labels say it.
        """
        names = [names] if isinstance(names, str) else list(names)
        name = next((found for n in names if (found := self.pictures.find(n))), None)
        if name is None:
            self.count('labels of no picture, or of several of that name, left out', names[0])
            return None
        if name in self._taken:
            self.count('second labels of a picture, left out', f'{names[0]} of {name}', name)
            return None
        sides = [_side(width), _side(height)]
        if not all(sides):
            sides = list(self.pictures.size(name))
        if math.prod(sides) > MAX_PIXELS:  # masks of it are made before its size is checked
            raise LabelError(f'its picture is said to have {sides[0]} x {sides[1]} pixels')
        self._taken.add(name)
        image: dict = dict(id=len(self.images) + 1, file_name=name, width=sides[0], height=sides[1])
        self.images.append(image)
        if part:
            self.part[image['id']] = part
        return image

    def add(self, image: dict, label: str, shapes: Sequence[Shape], crowd: bool = False) -> None:
        """Add an object of one or more shapes; one that is no area is counted."""
        if not label:
            raise LabelError('an object has no class')
        areas = [s for s in shapes if s.polygon is None or len(s.polygon) >= LEAST]
        areas = [s for s in areas if s.mask is None or coco_mask.area(s.mask) > 0]
        if not areas:
            name = image['file_name']
            self.count('outlines of under three points or masks of no pixel', name, name)
            return
        for shape in areas:
            numbers = [*(shape.box or ()), *(shape.polygon or ())]
            if not all(abs(x) < FAR for x in numbers):  # NaN is not
                raise LabelError(f'{shown(numbers)} is no place in a picture')
        size = image['width'], image['height']
        drawn = outlines_of(areas) if any(s.mask is not None for s in areas) else []
        if drawn and too_large([drawn], np.array([size])).any():
            raise LabelError(
                'an outline beside a mask reaches too far past the picture to be drawn'
            )
        made = annotation_of(areas, *size)
        self.annotations.append(dict(image_id=image['id'], label=label, iscrowd=int(crowd), **made))

    def add_grouped(self, image: dict, parts: Iterable[tuple[str, object, Shape]]) -> None:
        """Add objects of (class, group, shape): those of one class and group are one object."""
        objects: dict[tuple, list[Shape]] = {}
        for i, (label, group, shape) in enumerate(parts):
            alone = group is None or group == ''
            objects.setdefault((label, i if alone else -1, group), []).append(shape)
        for (label, _, _), shapes in objects.items():
            self.add(image, label, shapes)

    def found(self, title: str) -> Found:
        """All of it; the first note is the ``title``."""
        there = {a['label'] for a in self.annotations}
        names = dict.fromkeys([*self.classes, *sorted(there - set(self.classes))])
        ids = {name: i for i, name in enumerate(names, 1)}
        data = dict(
            images=self.images,
            annotations=[
                dict(
                    id=i,
                    category_id=ids[a['label']],
                    **{k: v for k, v in a.items() if k != 'label'},
                )
                for i, a in enumerate(self.annotations, 1)
            ],
            categories=[dict(id=i, name=name) for name, i in ids.items()],
        )
        return self.done(data, title)

    def done(self, data: dict, title: str) -> Found:
        """What was found, with a line for every kind of what was counted."""
        self._split(data['images'])
        counted = [
            Note(
                f'{len(examples)} {what}, such as {shown(examples[0][0], 200)}',
                *self._drawn(examples[0][1], data['images']),
            )
            for what, examples in self._left_out.items()
        ]
        named = (image.get('file_name') for image in data['images'])
        bare = {*self.pictures.names} - {name for name in named if isinstance(name, str)}
        notes = [title, *self.notes, *counted]
        return Found(data, notes, self.part, self.masks, frozenset(bare))

    def _split(self, images: Sequence[dict]) -> None:
        """Forget parts that are no split; of a split count the pictures of no part."""
        if not is_split(self.part.values()):
            self.part.clear()
            return
        for image in images:
            if image['id'] not in self.part:
                self.part[image['id']] = OTHER
                name = str(image.get('file_name'))
                self.count('pictures of no part of the split, left out', name, name)

    def _drawn(self, about: str | dict, images: Sequence[dict]) -> list[Example]:
        """The picture that a line is about, none where nobody can tell."""
        if isinstance(about, dict):
            key = about.get('image_id')
            names = [image.get('file_name') for image in images if image.get('id') == key]
            return [Example(str(names[0]), (about,))] if names else []
        name = self.pictures.find(about) or self.pictures.find(os.path.splitext(about)[0])
        return [Example(name)] if about and name else []


def _side(value: object) -> int:
    """A side in pixels as a label file states it; 0 where it does not."""
    try:
        return max(int(float(value)), 0)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0


def number(value: object, what: str) -> float:
    """A finite number of a label file.

    Raises:
        LabelError: It is none.
    """
    try:
        made = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        made = math.nan
    if not math.isfinite(made):
        raise LabelError(f'{what} is {shown(value, 40)}, expected a number')
    return made


def pixels_of(shares: Sequence[float], image: dict, where: str) -> list[float]:
    """Shares of a picture's width and height, by turns, in pixels.

    Raises:
        LabelError: They are pixels already.
    """
    if (farthest := max(shares, key=abs, default=0.0)) and abs(farthest) > MOST:
        raise LabelError(f'{where} has {farthest:g}, expected shares of the picture, 0 to 1')
    sizes = image['width'], image['height']
    return [share * sizes[i % 2] for i, share in enumerate(shares)]


def rounded(pixels: Iterable[float]) -> list[float]:
    """Pixels that were shares, without digits that these do not hold."""
    return [round(x, DIGITS) + 0.0 for x in pixels]  # no -0.0
