"""YOLO's text files: a line an object, its class's number and a box or an outline.

Numbers are shares of the picture's width and height as it is shown upright, as Ultralytics reads
it: ``class cx cy w h``, or ``class x1 y1 x2 y2 x3 y3 ...``. Made pixels they are rounded to
hundredths, which is what the files' usual six digits hold. A box may have a detection's score as a
sixth number.

A YAML names the pictures of train, val and test, and their labels lie where ``images`` in the path
is ``labels``, beside them, or in ``labels`` beside the YAML. Without it every text file is that of
the picture of its name.
"""

from __future__ import annotations

import datetime
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from ..datasets.listing import list_pictures
from ..errors import InputError, shown
from .files import LabelError, first_line, read_text, read_yaml, whole
from .kinds import ROW, YAML, YOLO, Source
from .parts import PARTS, part_of
from .pictures import Pictures
from .reading import Found, Reading, number, pixels_of, rounded
from .shapes import Shape

NAME_FILES = ('classes.txt', 'obj.names', '_darknet.labels', 'predefined_classes.txt')
LISTS = ('train.txt', 'val.txt', 'valid.txt', 'test.txt')
NO_KEYPOINTS = 'keypoints: left out, their boxes are taken'
NAME = (str, int, float, bool, type(None), datetime.date)  # what YAML makes of a word


def read_yolo(source: Source, pictures: Pictures) -> Found:
    """Boxes, or outlines, of text files."""
    if source.files[0].suffix.lower() in YAML:
        return _read_described(source.files[0], pictures)
    names, keypoints, notes = _names_near(source)
    reading = Reading(pictures, names)
    reading.notes += notes
    read = 0
    for file in source.files:
        place = os.path.relpath(file, source.root)
        picture = os.path.splitext(place)[0]
        if file.suffix.lower() == '.txt' and _is_of_picture(file, picture, pictures):
            _read_file(file, picture, reading, part_of(os.path.dirname(place)), keypoints)
            read += 1
    return reading.found(f'{YOLO}, {read} text files')


def _is_of_picture(file: Path, picture: str, pictures: Pictures) -> bool:
    """Whether it is no list of names or pictures and no text for people: by its name, unless it
    has objects, or nothing and a picture.
    """
    if file.name.lower() not in LISTS and not file.name.lower().startswith('readme'):
        return file.name.lower() not in NAME_FILES
    if not file.is_file():
        return False
    with whole(file):
        first = first_line(file)
    return bool(ROW.fullmatch(first)) or not first and pictures.find(picture) is not None


def _names_near(source: Source) -> tuple[list[str], bool, list[str]]:
    """Class names of a list that lies with the labels or above, whether it says that there are
    keypoints, and what is said of it.
    """
    folders = [source.root, source.root.parent, *sorted({f.parent for f in source.files})]
    spelled = [name for one in NAME_FILES for name in (one, one.capitalize())]
    for folder in folders:
        for name in spelled:
            if (folder / name).is_file():
                with whole(folder / name):
                    return _listed(folder / name), False, [f'classes: of {name}']
    described = [source.root / name for name in ('data.yaml', 'dataset.yaml')]
    described += [source.root.parent / file.name for file in described]
    for file in described:
        if file.is_file():
            with whole(file):
                content = read_yaml(file)
                names, keypoints = _names(content), _has_keypoints(content)
            return names, keypoints, [f'classes: of {file.name}', *[NO_KEYPOINTS] * keypoints]
    notes = ['classes: called by their numbers, as no classes.txt or data.yaml names them']
    return [], False, notes


def _has_keypoints(content: object) -> bool:
    return isinstance(content, dict) and 'kpt_shape' in content


def _listed(file: Path) -> list[str]:
    """Class names, a line each.

    Raises:
        LabelError: A line between them is empty: some tools count it, others do not.
    """
    names = [line.strip() for line in read_text(file).rstrip().splitlines()]
    if '' in names:
        raise LabelError(
            f'has an empty line {names.index("") + 1}, and it is not clear whether it is a class: '
            'delete it, or fill it'
        )
    return names


def _names(content: object) -> list[str]:
    """Class names of a YAML, by their number.

    Raises:
        LabelError: It has none.
    """
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict):
        try:
            by_number = {int(k): str(name) for k, name in names.items() if isinstance(name, NAME)}
        except (TypeError, ValueError, OverflowError):
            by_number = {-1: ''}
        if sorted(by_number) == list(range(len(names))):
            return [by_number[i] for i in range(len(by_number))]
    elif isinstance(names, list) and all(isinstance(name, NAME) for name in names):
        return [str(name) for name in names]
    raise LabelError(
        f'has names of {shown(names, 60)}, expected a list of the class names, or '
        '{0: name, 1: name, ...}'
    )


def _read_described(file: Path, pictures: Pictures) -> Found:
    """What a YAML names."""
    with whole(file):
        content = read_yaml(file)
        reading = Reading(pictures, _names(content))
    assert isinstance(content, dict)
    keypoints = _has_keypoints(content)
    root = Path(str(content.get('path') or ''))
    roots = [root] if root.is_absolute() else [file.parent / root, root]
    named = [(part, content[key]) for key, part in PARTS.items() if content.get(key)]
    for part, places in named:
        for place in places if isinstance(places, list) else [places]:
            for picture in _pictures_of(str(place), [*roots, file.parent], f'{file.name}: {part}'):
                _read_picture(picture, part, file.parent / 'labels', reading, keypoints)
    if keypoints:
        reading.notes.append(NO_KEYPOINTS)
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
        if os.path.isdir(path):  # unlike pathlib's it takes any text
            for name in list_pictures(str(path)):
                yield path / os.fsdecode(name)
            return
        if os.path.isfile(path):
            with whole(path):
                lines = read_text(path).splitlines()
            for line in lines:
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
    path = Path(os.path.splitext(os.path.normpath(picture))[0] + '.txt')
    places = [path, beside / path.name, beside / path.parent.name / path.name]
    places.append(beside / part / path.name)
    folders = path.parts[:-1]
    if 'images' in folders:
        last = len(folders) - 1 - folders[::-1].index('images')
        places.insert(0, Path(*folders[:last], 'labels', *path.parts[last + 1 :]))
    labels = next((place for place in places if os.path.isfile(place)), None)
    if labels is None:
        reading.count('pictures without a text file, left out', picture.name, str(picture))
        return
    _read_file(labels, str(picture), reading, part, keypoints)


def _read_file(
    file: Path, picture: str, reading: Reading, part: str | None, keypoints: bool
) -> None:
    with reading.reading(file.name):
        rows = [line.split() for line in read_text(file).splitlines()]
        image = reading.image(picture, part=part)
        for i, row in enumerate(rows, 1):
            if image and row:
                _add(row, i, image, reading, keypoints)


def _add(row: list[str], line: int, image: dict, reading: Reading, keypoints: bool) -> None:
    values = [number(value, f'line {line}') for value in row]
    kind, shares = values[0], values[1:]
    if keypoints or len(shares) == 5 and 0 <= shares[4] <= 1:  # keypoints or a score behind a box
        shares = shares[:4]
    if kind != int(kind) or kind < 0 or reading.classes and kind >= len(reading.classes):
        raise LabelError(
            f'line {line} has the class {row[0]}, and {len(reading.classes)} classes have names'
        )
    name = reading.classes[int(kind)] if reading.classes else str(int(kind))  # of 1.0 as of 1
    pixels = pixels_of(shares, image, f'line {line}')
    if len(pixels) == 4:
        x, y, w, h = pixels
        corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        reading.add(image, name, [Shape(box=rounded(corners))])
    elif len(pixels) >= 6 and len(pixels) % 2 == 0:
        reading.add(image, name, [Shape(polygon=rounded(pixels))])
    else:
        raise LabelError(
            f'line {line} has {len(row)} values, expected 5 of a box, 6 with a score of 0 to 1, '
            'or 7, 9, ... of an outline'
        )
