"""Pascal VOC: an XML file a picture.

VOC counts pixels from 1 and its corners belong to the box: from 1 to W is the whole width. Other
tools write points between pixels: where a coordinate of any file is 0, or most have a decimal
point, all are taken so. (A few of VOC's own have one.)

A difficult object becomes a crowd: neither learnt nor missed, as in VOC's own scoring.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .files import LabelError, read_text, read_xml, whole
from .kinds import VOC, XML_KINDS, Source
from .parts import PARTS
from .pictures import Pictures
from .reading import Found, Reading, number
from .shapes import Shape

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


@dataclass
class Picture:
    """One file's content.

    Attributes:
        names: By which its picture may be found.
        objects: (class, xyxy as written, difficult).
        pointed: How many of their numbers are written with a decimal point.
        parts: How many parts the objects have.
    """

    file: str
    names: list[str]
    width: str | None
    height: str | None
    objects: list[tuple[str, list[float], bool]]
    pointed: int
    parts: int


def read_voc(source: Source, pictures: Pictures) -> Found:
    """Boxes of a folder of XML files, split as ``ImageSets/Main`` beside it says."""
    reading = Reading(pictures)
    read = list(_read(source, reading))
    corners = [x for picture in read for _, box, _ in picture.objects for x in box]
    pointed = sum(picture.pointed for picture in read)
    first = int(all(x >= 1 for x in corners) and 2 * pointed <= len(corners))
    reading.notes.append(
        'boxes: pixels counted from 1, the corners belong to the box'
        if first
        else 'boxes: taken as points between pixels, as a coordinate is 0 or most have a decimal '
        'point'
    )
    split = _split(source.root)
    for picture in read:
        with reading.reading(picture.file):
            _add(picture, split.get(Path(picture.file).stem), first, reading)
    return reading.found(f'{VOC}, {len(source.files)} XML files')


def _read(source: Source, reading: Reading) -> Iterator[Picture]:
    for file in source.files:
        place = os.path.relpath(file, source.root)
        with reading.reading(place):
            root = read_xml(file)
            if source.has(file, XML_KINDS.get(root.tag)):
                yield _picture(root, place)
            else:
                reading.count('XML files of something else, left out', place)


def _picture(root: ElementTree.Element, place: str) -> Picture:
    objects, pointed = [], 0
    for item in root.iter('object'):
        box = item.find('bndbox')
        if box is None:
            raise LabelError('an object has no bndbox')
        corners = [number(box.findtext(name), name) for name in CORNERS]
        pointed += sum('.' in (box.findtext(name) or '') for name in CORNERS)
        difficult = (item.findtext('difficult') or '').strip() in ('1', 'true', 'True')
        objects.append(((item.findtext('name') or '').strip(), corners, difficult))
    names = [os.path.splitext(place)[0]]
    if stated := (root.findtext('filename') or '').strip():
        names.append(stated)
    size = root.findtext('size/width'), root.findtext('size/height')
    return Picture(place, names, *size, objects, pointed, len(root.findall('object/part')))


def _split(root: Path) -> dict[str, str]:
    """train, val or test by picture, of the lists in ImageSets/Main."""
    lists = next(
        (f for f in (root / 'ImageSets/Main', root.parent / 'ImageSets/Main') if f.is_dir()), None
    )
    split: dict[str, str] = {}
    for name in ('trainval', 'train', 'val', 'valid', 'test'):  # the later ones count
        if lists and (lists / f'{name}.txt').is_file():
            with whole(lists / f'{name}.txt'):
                lines = read_text(lists / f'{name}.txt').splitlines()
            split |= {line.split()[0]: PARTS[name] for line in lines if line.strip()}
    return split


def _add(picture: Picture, part: str | None, first: int, reading: Reading) -> None:
    image = reading.image(picture.names, picture.width, picture.height, part)
    if image is None:
        return
    for name, (x1, y1, x2, y2), difficult in picture.objects:
        box = [x1 - first, y1 - first, x2, y2]
        reading.add(image, name, [Shape(box=box)], crowd=difficult)
        if difficult:
            what = 'difficult objects, neither learnt nor scored'
            reading.count(what, picture.file, image['file_name'])
    for _ in range(picture.parts):
        reading.count('parts of objects, left out', picture.file, image['file_name'])
