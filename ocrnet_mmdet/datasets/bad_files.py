"""The file that names the pictures which could not be read."""

from __future__ import annotations

import errno
import logging
import os

from mmengine.logging import print_log

from ..errors import printable


class BadFiles:
    """Collects unreadable pictures, a line ``name<TAB>reason`` each, from any number of processes.

    Every line is one appending write, and a process reads what the others have written before it
    adds its own: a file is named once, unless two processes meet it in the same instant. Where the
    file cannot be written (a full disk), that is said once and the training goes on.

    Args:
        path: The text file, begun at the first bad picture; a file that is there is continued.
            None counts this process's only.
    """

    def __init__(self, path: str | None) -> None:
        self.path = path
        self._names: set[str] = set()
        self._read = 0  # bytes of the file that are in _names
        self._said = False
        self._unwritable = False

    def __contains__(self, name: str) -> bool:
        return _one_line(name) in self._names

    def count(self) -> int:
        """Bad pictures so far, the other processes' too."""
        self._read_on()
        return len(self._names)

    def add(self, name: str, reason: str) -> None:
        """Note a picture, and log the first that this process meets."""
        name, reason = _one_line(name), _one_line(reason)
        if not self._said:
            self._said = True
            where = f'; all are named in {self.path}' if self.path else ''
            print_log(
                f'{printable(name)} is left out: {printable(reason)}{where}',
                logger='current',
                level=logging.WARNING,
            )
        self._read_on()
        if name in self._names:
            return
        self._names.add(name)
        if self.path and not self._unwritable:
            try:
                _append(self.path, os.fsencode(f'{name}\t{reason}\n'))
            except OSError as error:
                self._unwritable = True
                print_log(
                    f'{self.path} cannot be written ({error.strerror}): pictures that cannot be '
                    'read are left out and no longer named in it',
                    logger='current',
                    level=logging.WARNING,
                )

    def _read_on(self) -> None:
        if not self.path or not os.path.exists(self.path):
            return
        with open(self.path, 'rb') as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b'\n') + 1]
        self._read += len(whole)
        self._names.update(os.fsdecode(line.partition(b'\t')[0]) for line in whole.splitlines())


def _append(path: str, line: bytes) -> None:
    """One write; of a line that the disk has no room for nothing stays."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        written = os.write(file, line)
        end = os.lseek(file, 0, os.SEEK_CUR)
        if written < len(line):
            if os.fstat(file).st_size == end:
                os.ftruncate(file, end - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(file)


def _one_line(text: str) -> str:
    """Text without line breaks and escape sequences; bytes that are no UTF-8 stay what they are."""
    return ''.join(
        letter if '\udc80' <= letter <= '\udcff' else printable(letter)
        for letter in ' '.join(text.split())
    )
