"""YOLO's text files: a line an object, its class's number and a box or an outline.

Numbers are shares of the picture's width and height as it is shown upright, as Ultralytics reads
it: ``class cx cy w h``, or ``class x1 y1 x2 y2 x3 y3 ...``. Made pixels they are rounded to
hundredths, which is what the files' usual six digits hold.

A YAML names the pictures of train, val and test, and their labels lie where ``images`` in the path
is ``labels``, beside them, or in ``labels`` beside the YAML. Without it every text file is that of
the picture of its name.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from ..datasets.listing import list_pictures
from ..errors import InputError, shown
from .kinds import YOLO, Source, read_yaml
from .pictures import Pictures
from .reading import PARTS, TEST, TRAIN, VAL, Found, LabelError, Reading, number
from .shapes import Shape

NAME_FILES = ('classes.txt', 'obj.names', '_darknet.labels', 'predefined_classes.txt')
DIGITS = 2
MOST = 2  # a box may be drawn past the edge; beyond it numbers are pixels


def read_yolo(source: Source, pictures: Pictures) -> Found:
    """Boxes, or outlines, of text files."""
    if source.files[0].suffix in ('.yaml', '.yml'):
        return _read_described(source.files[0], pictures)
    names, notes = _names_near(source)
    reading = Reading(pictures, names)
    reading.notes += notes
    lists = {*NAME_FILES, 'train.txt', 'val.txt', 'valid.txt', 'test.txt'}
    files = [f for f in source.files if f.suffix == '.txt' and f.name not in lists]
    files = [f for f in files if not f.name.lower().startswith('readme')]
    parts = [_part_of_path(file, source.root) for file in files]
    split = TRAIN in parts and VAL in parts
    for file, part in zip(files, parts):
        _read_file(file, str(file.relative_to(source.root)), reading, part if split else None)
    return reading.found(f'{YOLO}, {len(files)} text files')


def _part_of_path(file: Path, root: Path) -> str | None:
    folders = reversed(file.relative_to(root).parts[:-1])
    return next((PARTS[name.lower()] for name in folders if name.lower() in PARTS), None)


def _names_near(source: Source) -> tuple[list[str], list[str]]:
    """Class names of a list that lies with the labels or above, and what is said of it."""
    folders = [source.root, source.root.parent, *sorted({f.parent for f in source.files})]
    for folder in folders:
        for name in NAME_FILES:
            if (folder / name).is_file():
                lines = (folder / name).read_text(encoding='utf-8-sig').splitlines()
                return [line.strip() for line in lines if line.strip()], [f'classes: of {name}']
    described = [source.root / name for name in ('data.yaml', 'dataset.yaml')]
    described += [source.root.parent / file.name for file in described]
    for file in described:
        if file.is_file():
            return _names(read_yaml(file), file), [f'classes: of {file.name}']
    return [], ['classes: called by their numbers, as no classes.txt or data.yaml names them']


def _names(content: object, file: Path) -> list[str]:
    """Class names of a YAML, by their number."""
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict):
        try:
            by_number = {int(key): str(name) for key, name in names.items()}
        except (TypeError, ValueError):
            by_number = {-1: ''}
        if sorted(by_number) == list(range(len(by_number))):
            return [by_number[i] for i in range(len(by_number))]
    elif isinstance(names, list):
        return [str(name) for name in names]
    raise InputError(
        f'{shown(str(file), 160)}: names is {shown(names, 60)}, expected a list of the class '
        'names, or {0: name, 1: name, ...}'
    )


def _read_described(file: Path, pictures: Pictures) -> Found:
    """What a YAML names."""
    content = read_yaml(file)
    assert isinstance(content, dict)
    reading = Reading(pictures, _names(content, file))
    keypoints = 'kpt_shape' in content
    root = Path(str(content.get('path') or ''))
    roots = [root] if root.is_absolute() else [file.parent / root, root]
    named = [(part, content[key]) for key, part in PARTS.items() if content.get(key)]
    for part, places in named:
        for place in places if isinstance(places, list) else [places]:
            for picture in _pictures_of(str(place), [*roots, file.parent], f'{file.name}: {part}'):
                _read_picture(picture, part, file.parent / 'labels', reading, keypoints)
    parts = {*reading.part.values()}
    if VAL not in parts and TEST not in parts or TRAIN not in parts:
        reading.part.clear()
    if keypoints:
        reading.notes.append('keypoints: left out, their boxes are taken')
    return reading.found(f'{YOLO}, {file.name}')


def _pictures_of(place: str, roots: list[Path], what: str) -> Iterator[Path]:
    """Pictures of a folder, or of a text list, that a YAML names.

    Raises:
        InputError: There is neither.
    """
    # Roboflow writes ../train/images for what lies beside the file
    shorter = place
    while shorter.startswith('../'):
        shorter = shorter[3:]
    for path in [root / p for p in dict.fromkeys((place, shorter)) for root in roots]:
        if path.is_dir():
            for name in list_pictures(str(path)):
                yield path / os.fsdecode(name)
            return
        if path.is_file():
            for line in path.read_text(encoding='utf-8-sig').splitlines():
                if line.strip():
                    yield path.parent / line.strip()
            return
        if files := sorted(glob.glob(str(path), recursive=True)) if '*' in place else []:
            yield from map(Path, files)
            return
    raise InputError(
        f'{what} names {shown(place)}, which is neither a folder nor a list of pictures beside it: '
        'correct its path'
    )


def _read_picture(
    picture: Path, part: str, beside: Path, reading: Reading, keypoints: bool
) -> None:
    """Labels of a picture by Ultralytics' rule, images/ for labels/, or in ``beside``."""
    path = Path(os.path.normpath(picture)).with_suffix('.txt')
    places = [path, beside / path.name, beside / path.parent.name / path.name]
    places.append(beside / part / path.name)
    folders = path.parts[:-1]
    if 'images' in folders:
        last = len(folders) - 1 - folders[::-1].index('images')
        places.insert(0, Path(*folders[:last], 'labels', *path.parts[last + 1 :]))
    labels = next((place for place in places if place.is_file()), None)
    if labels is None:
        reading.count('pictures without a text file, left out', picture.name)
        return
    _read_file(labels, str(picture), reading, part, keypoints)


def _read_file(
    file: Path, picture: str, reading: Reading, part: str | None, keypoints: bool = False
) -> None:
    with reading.reading(file.name):
        rows = [line.split() for line in _text(file).splitlines()]
        image = reading.image(picture.removesuffix('.txt'), part=part)
        for i, row in enumerate(rows, 1):
            if image and row:
                _add(row, i, image, reading, keypoints)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise LabelError('it is no text') from error


def _add(row: list[str], line: int, image: dict, reading: Reading, keypoints: bool) -> None:
    values = [number(value, f'line {line}') for value in row]
    kind, shares = values[0], values[1:5] if keypoints else values[1:]
    if kind != int(kind) or kind < 0 or reading.classes and kind >= len(reading.classes):
        raise LabelError(
            f'line {line} has the class {row[0]}, and {len(reading.classes)} classes have names'
        )
    if max(shares, default=0) > MOST:
        raise LabelError(f'line {line} has {max(shares):g}, expected shares of the picture, 0 to 1')
    name = reading.classes[int(kind)] if reading.classes else row[0]
    sizes = image['width'], image['height']
    pixels = [share * sizes[i % 2] for i, share in enumerate(shares)]
    if len(pixels) == 4:
        x, y, w, h = pixels
        corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        reading.add(image, name, [Shape(box=[round(c, DIGITS) + 0.0 for c in corners])])
    elif len(pixels) >= 6 and len(pixels) % 2 == 0:
        reading.add(image, name, [Shape(polygon=[round(c, DIGITS) + 0.0 for c in pixels])])
    else:
        raise LabelError(
            f'line {line} has {len(row)} values, expected 5 of a box or 7, 9, ... of an outline'
        )
