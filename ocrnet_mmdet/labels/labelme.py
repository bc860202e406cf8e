"""LabelMe: a JSON file a picture. Shapes of one class and group_id are one object."""

from __future__ import annotations

import base64
import io
import math
import os
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..datasets.coco_file import read_json
from ..errors import InputError, shown
from .files import LabelError
from .kinds import LABELME, Source, json_kind
from .pictures import Pictures
from .reading import Found, Reading, number
from .shapes import Shape, ellipse, pasted


def read_labelme(source: Source, pictures: Pictures) -> Found:
    """Polygons, rectangles, circles and masks; ``imageData`` is not looked at."""
    reading = Reading(pictures)
    for file in source.files:
        place = os.path.relpath(file, source.root)
        with reading.reading(place):
            try:
                content = read_json(str(file), place)
            except InputError as error:
                raise LabelError(str(error).removeprefix(f'{place} ')) from error
            source.has(file, json_kind(content, file))
            if not isinstance(content, dict) or not isinstance(content.get('shapes'), list):
                raise LabelError('it has no list of shapes')
            _add(content, place, reading)
    return reading.found(f'{LABELME}, {len(source.files)} files')


def _add(content: dict, place: str, reading: Reading) -> None:
    stated = content.get('imagePath')
    names = [os.path.splitext(place)[0]]
    if isinstance(stated, str) and stated:
        beside = os.path.normpath(os.path.join(os.path.dirname(place), stated.replace('\\', '/')))
        names = [beside, *names]
    image = reading.image(names, content.get('imageWidth'), content.get('imageHeight'))
    if image:
        reading.add_grouped(image, _parts(content['shapes'], image, place, reading))


def _parts(
    shapes: list, image: dict, place: str, reading: Reading
) -> Iterator[tuple[str, object, Shape]]:
    for entry in shapes:
        if not isinstance(entry, dict):
            raise LabelError(f'a shape is {shown(entry, 40)}')
        kind, group = entry.get('shape_type') or 'polygon', entry.get('group_id')
        if kind not in ('polygon', 'rectangle', 'circle', 'mask'):
            reading.count(
                f'shapes of the type {shown(kind, 40)}, left out', place, image['file_name']
            )
            continue
        if not isinstance(group, (int, float, str, type(None))):
            raise LabelError(f'a shape has the group_id {shown(group, 40)}')
        yield str(entry.get('label') or ''), group, _shape(kind, entry, image)


def _shape(kind: str, entry: dict, image: dict) -> Shape:
    points = entry.get('points')
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise LabelError(f'points are {shown(points, 60)}')
    points = [[number(x, 'a point') for x in point] for point in points]
    if kind == 'polygon':
        return Shape(polygon=[x for point in points for x in point])
    if len(points) < 2:
        raise LabelError(f'a {kind} has {len(points)} points, expected 2')
    if kind == 'circle':  # its middle and a point on it
        (cx, cy), (x, y) = points[:2]
        radius = math.hypot(x - cx, y - cy)
        return ellipse((cx, cy), (radius, radius))
    (x1, y1), (x2, y2) = np.min(points, 0).tolist(), np.max(points, 0).tolist()
    if kind == 'rectangle':
        return Shape(box=[x1, y1, x2, y2])
    part = _bitmap(entry.get('mask'))
    return pasted(part, round(x1), round(y1), image['width'], image['height'])


def _bitmap(text: object) -> np.ndarray:
    """(H, W) bool of a PNG in base64."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(str(text), validate=True))) as picture:
            return np.asarray(picture.convert('L')) > 0
    except Exception as error:  # on damaged files Pillow raises what it happens to meet
        raise LabelError(f'a mask is no PNG in base64 ({shown(str(error))})') from error
