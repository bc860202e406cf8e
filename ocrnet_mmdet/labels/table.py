"""A CSV of boxes or outlines, a row an object; columns are known by their names, see columns.py.

Where the coordinates of most rows lie between 0 and 1 they are shares of the picture, else pixels.
A row without coordinates says that its picture has no object.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import shown
from .columns import columns_of, delimiter_of
from .files import LabelError, read_text, whole
from .kinds import CSV, Source, kind_of
from .parts import part_of
from .pictures import Pictures, path_of
from .reading import ONE_CLASS, Found, Reading, number, pixels_of, rounded
from .shapes import Shape

KINDS = dict(
    outline='the points of an outline',
    corners='corners',
    middle='middle and sides',
    start='first corner and sides',
    whole='first corner and sides',
)
EMPTY = ('', 'nan', 'none', 'null')
Row = tuple[int, list[str]]  # its line, its cells


def read_csv(source: Source, pictures: Pictures) -> Found:
    """Boxes or outlines of a CSV, or of one for train and one for val."""
    reading = Reading(pictures)
    files = []
    for file in source.files:
        if source.has(file, kind_of(file)):
            files.append(file)
        else:
            reading.count('text files of something else, left out', file.name)
    names = [os.path.relpath(file, source.root) for file in files]
    for file, name in zip(files, names):
        _read_file(file, part_of(name), reading)
    return reading.found(f'{CSV}, {shown(", ".join(names))}')


def _read_file(file: Path, part: str | None, reading: Reading) -> None:
    with whole(file):
        header, rows = _table(file)
        columns = columns_of(header)
        if not columns:
            raise LabelError(f'begins with {shown(header)}, which names no columns of boxes')
    by_cell: dict[str, list[Row]] = {}
    for line, row in rows:
        by_cell.setdefault(row[columns['picture'][0]], []).append((line, row))
    by_picture: dict[tuple[str | None, str], list[Row]] = {}
    for cell, ours in by_cell.items():
        # x.jpg and X.JPG may be one picture; a/x.jpg and b/x.jpg, of which one is there, are not
        key = reading.pictures.find(cell), path_of(cell).lower()
        by_picture.setdefault(key, []).extend(ours)
    kind = next(k for k in KINDS if k in columns)
    shares = _are_shares([row for _, row in rows], columns[kind])
    reading.notes.append(_say(header, columns, kind, shares))
    for ours in by_picture.values():
        with reading.reading(f'{file.name}, line {ours[0][0]}'):
            _add(ours, columns, kind, shares, part, reading)


def _table(file: Path) -> tuple[list[str], list[Row]]:
    """The first row and the others, but empty ones, all of one length.

    Raises:
        LabelError: It is no such table.
    """
    text = read_text(file).lstrip()
    stream = io.StringIO(text, newline='')
    reader = csv.reader(stream, delimiter=delimiter_of(text.split('\n')[0]), strict=True)
    rows = []
    try:
        header = next(reader, [])
        for row in reader:
            if any(row):
                rows.append((reader.line_num, row))
    except csv.Error as error:  # such as a quote that does not end, which would swallow the rest
        raise LabelError(f'is damaged at line {reader.line_num} ({error}): correct it') from error
    for line, row in rows:
        if len(row) != len(header):
            raise LabelError(
                f'has {len(row)} cells in line {line}, in the header {len(header)}: correct it'
            )
    return header, rows


def _say(header: Sequence[str], columns: dict[str, list[int]], kind: str, shares: bool) -> str:
    named = ', '.join(shown(header[i], 30) for i in columns[kind])
    label = shown(header[columns['class'][0]], 30) if columns['class'] else f'none, all {ONE_CLASS}'
    return (
        f'columns: box {named} ({KINDS[kind]}, '
        f'{"shares of the picture" if shares else "pixels"}), class {label}'
    )


def _is_bare(cells: Sequence[str]) -> bool:
    return all(cell.strip().lower() in EMPTY for cell in cells)


def _numbers(row: list[str], places: list[int], line: int) -> list[float]:
    """The numbers of a row, of as many cells; or four of one cell."""
    cells: list = [row[i] for i in places]
    if len(cells) == 1:
        try:
            cells = json.loads(cells[0].replace('(', '[').replace(')', ']'))
        except (ValueError, RecursionError):
            cells = []
        if not isinstance(cells, list) or len(cells) != 4:
            raise LabelError(f'line {line} has the box {shown(row[places[0]], 40)}')
    return [number(cell, f'line {line}: a coordinate') for cell in cells]


def _are_shares(rows: Sequence[list[str]], places: list[int]) -> bool:
    """Whether most boxes lie in 0 to 1; boxes of nothing but 0 and 1, which stand for none or for
    all, count where there are no others.
    """
    boxes = []
    for row in rows:
        if not _is_bare([row[i] for i in places]):
            try:
                boxes.append(_numbers(row, places, 0))
            except LabelError:  # said where its picture is read
                continue
    boxes = [box for box in boxes if not {*box} <= {0, 1}] or boxes
    inside = sum(min(box) >= 0 and max(box) <= 1 for box in boxes)
    return 2 * inside > len(boxes)


def _add(
    rows: Sequence[Row],
    columns: dict[str, list[int]],
    kind: str,
    shares: bool,
    part: str | None,
    reading: Reading,
) -> None:
    first = rows[0][1]
    width, height = [first[i] for i in columns['size']] or ['', '']
    image = reading.image(first[columns['picture'][0]], width, height, part)
    if image is None:
        return
    for line, row in rows:
        if _is_bare([row[i] for i in columns[kind]]):
            continue
        numbers = _numbers(row, columns[kind], line)
        if shares:
            numbers = pixels_of(numbers, image, f'line {line}')
        places = _places(numbers, kind)
        places = rounded(places) if shares else places
        label = row[columns['class'][0]].strip() if columns['class'] else ONE_CLASS
        shape = Shape(polygon=places) if kind == 'outline' else Shape(box=places)
        reading.add(image, label, [shape])


def _places(numbers: list[float], kind: str) -> list[float]:
    """Corners of a row's box, or the points of its outline."""
    if kind in ('outline', 'corners'):
        return numbers
    a, b, c, d = numbers
    if kind == 'middle':
        a, b = a - c / 2, b - d / 2
    return [a, b, a + c, b + d]
