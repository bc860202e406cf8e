"""A CSV of runs that is only ever appended to, a whole row at a time.

Text stands as it is, all else is compact JSON, an empty cell is None.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def read_rows(path: Path, columns: Sequence[str], text: set[str]) -> list[dict]:
    """All whole rows; one that a kill cut off has no line's end.

    Args:
        text: The columns that hold text.

    Raises:
        ValueError: The file has other columns, or a row that is none.
    """
    if not path.exists():
        return []
    content = path.read_text(encoding='utf-8')
    header, *rows = [*csv.reader(io.StringIO(content[: content.rfind('\n') + 1]))] or [[]]
    if tuple(header) != tuple(columns):
        raise ValueError(f'{path} has the columns {header}, expected {list(columns)}')
    return [
        {
            name: cell if name in text else json.loads(cell) if cell else None
            for name, cell in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def append_row(path: Path, columns: Sequence[str], text: set[str], row: dict) -> None:
    """Add a row, whole or not at all, also beside other processes that do.

    Raises:
        ValueError: It has a column of another name.
    """
    if unknown := row.keys() - set(columns):
        raise ValueError(f'a row has no columns {sorted(unknown)}: take some of {tuple(columns)}')
    append_line(path, columns, [_cell(row.get(name), name in text) for name in columns])


def append_line(path: Path, columns: Sequence[str], cells: Sequence) -> None:
    """Add a line to a CSV, after its header and without what a kill left of a line before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'a+b') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        whole = file.read().rfind(b'\n') + 1
        file.truncate(whole)
        file.write((b'' if whole else _line(columns)) + _line(cells))
        file.flush()
        os.fsync(file.fileno())


def _cell(value: object, is_text: bool) -> str:
    if value is None:
        return ''
    if is_text:
        return ' '.join(str(value).splitlines())  # a row is a line
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def _line(cells: Iterable) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator='\n').writerow(cells)
    return line.getvalue().encode()
