"""VGG Image Annotator 1 and 2: a project, or its annotations as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..datasets.coco_file import read_json
from ..errors import InputError, shown
from .files import LabelError
from .kinds import VIA, Source, json_kind
from .pictures import Pictures
from .reading import ONE_CLASS, Found, Reading, number
from .shapes import Shape, ellipse

CLASS_NAMES = ('class', 'label', 'type', 'category', 'name', 'object', 'objects')


def read_via(source: Source, pictures: Pictures) -> Found:
    """Rectangles, polygons, circles and ellipses; their class is one of the regions' attributes."""
    reading = Reading(pictures)
    for file in source.files:
        content = read_json(str(file), shown(str(file), 160))
        if not source.has(file, json_kind(content, file)):
            reading.count('JSON files of something else, left out', file.name)
            continue
        entries = content.get('_via_img_metadata', content)
        if not isinstance(entries, dict):
            raise InputError(
                f'{shown(str(file), 160)}: _via_img_metadata is no dict: export the project again'
            )
        attribute = _class_attribute(entries.values(), file)
        reading.notes.append(
            f'classes: attribute {shown(attribute)}'
            if attribute
            else f'classes: one, {ONE_CLASS}, as the regions have no attributes'
        )
        for key, entry in entries.items():
            with reading.reading(shown(key)):
                _add(entry, attribute, reading)
    return reading.found(VIA + (f', {len(source.files)} files' if len(source.files) > 1 else ''))


def _regions(entry: dict) -> list[dict]:
    regions = entry.get('regions') or []
    regions = list(regions.values()) if isinstance(regions, dict) else regions  # VIA 1's
    if not isinstance(regions, list) or not all(isinstance(r, dict) for r in regions):
        raise LabelError(f'its regions are {shown(regions, 60)}')
    return regions


def _attributes(region: dict) -> dict:
    attributes = region.get('region_attributes') or {}
    if not isinstance(attributes, dict):
        raise LabelError(f'region_attributes are {shown(attributes, 60)}')
    return attributes


def _class_attribute(entries: Iterable[object], file: Path) -> str | None:
    """The attribute that is the class: by its name, or the only one.

    Raises:
        InputError: Several may be.
    """
    counts: Counter[str] = Counter()
    for entry in entries:
        with suppress(LabelError):  # counted where the entry is read
            for region in _regions(entry) if isinstance(entry, dict) else ():
                counts.update(_attributes(region).keys())
    named = [n for word in CLASS_NAMES for n in counts if n.lower().replace('_', '') == word]
    if named or len(counts) < 2:
        return next(iter(named or counts), None)
    raise InputError(
        f'{shown(str(file), 160)}: the regions have the attributes '
        f'{", ".join(map(shown, counts))}, and any may be the class: call the one '
        'that is "class" in VIA'
    )


def _add(entry: object, attribute: str | None, reading: Reading) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get('filename'), str):
        raise LabelError('it has no filename')
    image = reading.image(entry['filename'])
    for region in _regions(entry) if image else ():
        if image and (shape := _shape(region.get('shape_attributes'), entry['filename'], reading)):
            label = ONE_CLASS if attribute is None else _value(region, attribute)
            reading.add(image, label, [shape])


def _value(region: dict, attribute: str) -> str:
    """Its text; of check boxes the one that is set."""
    value = _attributes(region).get(attribute, '')
    if isinstance(value, dict):
        value = ' '.join(str(name) for name, is_set in value.items() if is_set)
    return str(value).strip()


def _shape(given: object, place: str, reading: Reading) -> Shape | None:
    if not isinstance(given, dict):
        raise LabelError('a region has no shape_attributes')

    def numbers(*names: str) -> list[float]:
        return [number(given.get(name), name) for name in names]

    kind = given.get('name')
    if kind == 'rect':
        x, y, w, h = numbers('x', 'y', 'width', 'height')
        return Shape(box=[x, y, x + w, y + h])
    if kind == 'circle':
        return ellipse(numbers('cx', 'cy'), numbers('r', 'r'))
    if kind == 'ellipse':
        angle = number(given.get('theta', 0), 'theta')
        return ellipse(numbers('cx', 'cy'), numbers('rx', 'ry'), angle)
    if kind in ('polygon', 'polyline'):
        xs, ys = given.get('all_points_x'), given.get('all_points_y')
        if not isinstance(xs, list) or not isinstance(ys, list) or len(xs) != len(ys):
            raise LabelError('a polygon has no all_points_x and all_points_y of one length')
        points = [number(v, 'a point') for point in zip(xs, ys) for v in point]
        if kind == 'polygon':
            return Shape(polygon=points)
    reading.count(f'regions of the shape {shown(kind, 40)}, left out', place, place)
    return None
