"""What was found so far, on disk: a kill loses the batch under way and nothing else.

``found.jsonl`` holds the settings in its first line, then a line a batch: a JSON list with a record
of each picture. From a damaged line on all is taken away, and predicted anew. Of two records of a
picture the later counts.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InputError, shown

FILE = 'found.jsonl'


class Records:
    """The records of one folder, by the pictures' names; one process at a time has them.

    Args:
        folder: Made if absent.
        settings: What the results depend on, plain values.

    Raises:
        InputError: The folder holds results of other settings, or another process writes there.
    """

    def __init__(self, folder: Path, settings: dict) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._file = open(self.path, 'a+b')  # noqa: SIM115  open as long as the lock is held
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f'another process writes to {folder}: wait for its end') from error
        except OSError:
            pass  # a file system without locks
        self._places: dict[str, tuple[int, int]] = {}  # where a name's line begins, place in it
        self._stamps: dict[str, object] = {}
        self._line: tuple[int, list[dict]] = (-1, [])
        self._load(folder, settings)

    def _load(self, folder: Path, settings: dict) -> None:
        self._file.seek(0)
        end = 0
        for line in self._file:
            content = _whole(line)
            if content is None:
                break
            if end == 0:
                _compare(folder, content, settings)
            else:
                self._note(end, content)
            end += len(line)
        self._file.truncate(end)
        if end == 0:
            self._append(settings)

    def _note(self, start: int, records: Iterable[dict]) -> None:
        for place, record in enumerate(records):
            name = record['name']
            self._places[name] = start, place
            self._stamps[name] = None if 'error' in record else record['stamp']

    def _append(self, content: object) -> int:
        """Where the new line begins."""
        start = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(json.dumps(content).encode() + b'\n')
            self._file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        return start

    def has(self, name: str, stamp: object) -> bool:
        """Whether a picture is done: with this stamp, and without an error."""
        return stamp is not None and self._stamps.get(name) == stamp

    def add(self, records: list[dict]) -> None:
        """Write a batch's records: ``name``, ``stamp`` and what was found, or ``error``.

        Raises:
            OSError: They cannot be written.
        """
        self._note(self._append(records), records)

    def __getitem__(self, name: str) -> dict:
        start, place = self._places[name]
        if self._line[0] != start:
            self._file.seek(start)
            self._line = start, json.loads(self._file.readline())
        return self._line[1][place]

    def close(self) -> None:
        self._file.close()


def stamp_of(path: str) -> list[int] | None:
    """Tells a file's content by size and time; None of one that is not there."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]


def _whole(line: bytes) -> Any:
    """What a line holds; None of one that a kill or a power cut has damaged."""
    if not line.endswith(b'\n'):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _compare(folder: Path, then: dict, now: dict) -> None:
    for name in then.keys() | now.keys():
        if then.get(name) != now.get(name):
            raise InputError(
                f'{folder} holds what was found with {name} {shown(then.get(name))}, now it is '
                f'{shown(now.get(name))}: name another --out, or delete that folder'
            )
