"""A CSV of boxes, a row a box; columns are known by their names, see columns.py.

Where all coordinates lie between 0 and 1 they are shares of the picture, else pixels. A row
without coordinates says that its picture has no object.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError, shown
from .columns import columns_of, delimiter_of
from .kinds import CSV, Source, kind_of
from .pictures import Pictures
from .reading import PARTS, TRAIN, VAL, Found, LabelError, Reading, number
from .shapes import Shape

ONE_CLASS = 'object'
DIGITS = 2  # of pixels that were shares
EMPTY = ('', 'nan', 'none', 'null')
Row = tuple[int, list[str]]  # its line, its cells


def read_csv(source: Source, pictures: Pictures) -> Found:
    """Boxes of a CSV, or of one for train and one for val."""
    files = [f for f in source.files if kind_of(f) == CSV]
    parts = [PARTS.get(_word(file, source.root)) for file in files]
    split = {TRAIN, VAL} <= {*parts}
    reading = Reading(pictures)
    for file, part in zip(files, parts):
        _read_file(file, part if split else None, reading)
    names = ', '.join(os.path.relpath(file, source.root) for file in files)
    return reading.found(f'{CSV}, {shown(names)}')


def _word(file: Path, root: Path) -> str:
    """The first word of a file's name that is a part's."""
    path = os.path.relpath(file, root).lower()
    words = ''.join(c if c.isalpha() else ' ' for c in path).split()
    return next((word for word in words if word in PARTS), '')


def _read_file(file: Path, part: str | None, reading: Reading) -> None:
    place = shown(str(file), 160)
    try:
        text = file.read_text(encoding='utf-8-sig').lstrip()
    except UnicodeDecodeError as error:
        raise InputError(f'{place} is no UTF-8 text: save it as UTF-8') from error
    rows = list(csv.reader(text.splitlines(), delimiter=delimiter_of(text.split('\n')[0])))
    columns = columns_of(rows[0])
    assert columns
    by_picture: dict[str, list[Row]] = {}
    for line, row in enumerate(rows[1:], 2):
        if any(row):
            if len(row) != len(rows[0]):
                raise InputError(
                    f'{place}: line {line} has {len(row)} cells, the header {len(rows[0])}: '
                    'correct it'
                )
            by_picture.setdefault(row[columns['picture'][0]], []).append((line, row))
    kind = next(k for k in ('corners', 'middle', 'start', 'whole') if k in columns)
    shares = _are_shares([row for rows in by_picture.values() for _, row in rows], columns[kind])
    reading.notes.append(_say(rows[0], columns, kind, shares))
    for name, ours in by_picture.items():
        with reading.reading(f'{file.name}, line {ours[0][0]}'):
            _add(name, ours, columns, kind, shares, part, reading)


def _say(header: Sequence[str], columns: dict[str, list[int]], kind: str, shares: bool) -> str:
    named = ', '.join(shown(header[i], 30) for i in columns[kind])
    label = shown(header[columns['class'][0]], 30) if columns['class'] else f'none, all {ONE_CLASS}'
    what = dict(corners='corners', middle='middle and sides', start='first corner and sides')
    return (
        f'columns: box {named} ({what.get(kind, "first corner and sides")}, '
        f'{"shares of the picture" if shares else "pixels"}), class {label}'
    )


def _is_bare(cells: Sequence[str]) -> bool:
    return all(cell.strip().lower() in EMPTY for cell in cells)


def _numbers(row: list[str], places: list[int], line: int) -> list[float]:
    """Four numbers, of as many cells or of one."""
    cells: list = [row[i] for i in places]
    if len(cells) == 1:
        try:
            cells = json.loads(cells[0].replace('(', '[').replace(')', ']'))
        except ValueError:
            cells = []
        if not isinstance(cells, list) or len(cells) != 4:
            raise LabelError(f'line {line} has the box {shown(row[places[0]], 40)}')
    return [number(cell, f'line {line}: a coordinate') for cell in cells]


def _are_shares(rows: Sequence[list[str]], places: list[int]) -> bool:
    values = []
    for row in rows:
        if not _is_bare([row[i] for i in places]):
            try:
                values += _numbers(row, places, 0)
            except LabelError:  # said where its picture is read
                continue
    return bool(values) and min(values) >= 0 and max(values) <= 1


def _add(
    name: str,
    rows: Sequence[Row],
    columns: dict[str, list[int]],
    kind: str,
    shares: bool,
    part: str | None,
    reading: Reading,
) -> None:
    width, height = [rows[0][1][i] for i in columns['size']] or ['', '']
    image = reading.image(name, width, height, part)
    for line, row in rows if image else ():
        if _is_bare([row[i] for i in columns[kind]]):
            continue
        a, b, c, d = _numbers(row, columns[kind], line)
        if kind == 'middle':
            a, b = a - c / 2, b - d / 2
        box = [a, b, c, d] if kind == 'corners' else [a, b, a + c, b + d]
        if image and shares:
            sides = image['width'], image['height']
            box = [round(x * sides[i % 2], DIGITS) for i, x in enumerate(box)]
        label = row[columns['class'][0]].strip() if columns['class'] else ONE_CLASS
        if image:
            reading.add(image, label, [Shape(box=box)])
