"""CVAT for images 1.1: an XML file of all pictures. Shapes of one class and group are an object."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np

from ..datasets.picture_header import MAX_PIXELS
from ..errors import shown
from .files import LabelError, read_xml, whole
from .kinds import CVAT, XML_KINDS, Source
from .parts import part_of
from .pictures import Pictures
from .reading import Found, Reading, number
from .shapes import Shape, ellipse, pasted, turned_box


def read_cvat(source: Source, pictures: Pictures) -> Found:
    """Boxes, polygons, ellipses and masks; of a project the parts that its pictures belong to."""
    roots: list[ElementTree.Element] = []
    others: list[ElementTree.Element] = []
    for file in source.files:
        with whole(file):
            root = read_xml(file)
        (roots if source.has(file, XML_KINDS.get(root.tag)) else others).append(root)
    names = [n.text or '' for root in roots for n in root.findall('meta//labels/label/name')]
    reading = Reading(pictures, [*dict.fromkeys(names)])
    for root in others:
        reading.count('XML files of something else, left out', root.tag)
    for image in (image for root in roots for image in root.findall('image')):
        with reading.reading(image.get('name') or 'an image'):
            _add(image, reading)
    return reading.found(CVAT + (f', {len(roots)} files' if len(roots) > 1 else ''))


def _add(element: ElementTree.Element, reading: Reading) -> None:
    name = element.get('name')
    if not name:
        raise LabelError('it has no name')
    part = part_of(element.get('subset') or '')
    image = reading.image(name, element.get('width'), element.get('height'), part)
    if image:
        reading.add_grouped(image, _parts(element, image, reading))


def _parts(
    element: ElementTree.Element, image: dict, reading: Reading
) -> Iterator[tuple[str, object, Shape]]:
    for child in element:
        group = child.get('group_id')
        shape = _shape(child, image)
        if shape is None:
            name = image['file_name']
            reading.count(f'shapes of the type {child.tag}, left out', name, name)
            continue
        yield child.get('label') or '', None if group == '0' else group, shape


def _shape(child: ElementTree.Element, image: dict) -> Shape | None:
    def numbers(*names: str) -> list[float]:
        return [number(child.get(name), name) for name in names]

    angle = math.radians(number(child.get('rotation', 0), 'rotation'))
    if child.tag == 'box':
        box = numbers('xtl', 'ytl', 'xbr', 'ybr')
        return turned_box(box, angle) if angle else Shape(box=box)
    if child.tag == 'ellipse':
        return ellipse(numbers('cx', 'cy'), numbers('rx', 'ry'), angle)
    if child.tag == 'polygon':
        points = [point.split(',') for point in (child.get('points') or '').split(';') if point]
        if any(len(point) != 2 for point in points):
            raise LabelError(f'a polygon has the points {shown(child.get("points"), 60)}')
        return Shape(polygon=[number(x, 'a point') for point in points for x in point])
    if child.tag == 'mask':
        left, top, width, height = map(int, numbers('left', 'top', 'width', 'height'))
        part = _bitmap(child.get('rle') or '', width, height)
        return pasted(part, left, top, image['width'], image['height'])
    return None


def _bitmap(text: str, width: int, height: int) -> np.ndarray:
    """(height, width) bool of CVAT's run lengths: row by row, the first run is background."""
    try:
        runs = np.array([int(run) for run in text.split(',')], np.int64)
    except (ValueError, OverflowError) as error:
        raise LabelError(f'a mask has the run lengths {shown(text, 60)}') from error
    pixels = width * height
    if width < 1 or pixels > MAX_PIXELS or not ((runs >= 0) & (runs <= pixels)).all():
        raise LabelError(f'a mask of {width} x {height} pixels has the runs {shown(text, 60)}')
    if runs.sum() != pixels:
        raise LabelError(
            f'a mask has run lengths of {runs.sum()} pixels, expected {width} x {height}'
        )
    return np.repeat(np.arange(len(runs)) % 2 > 0, runs).reshape(height, width)
