"""Names of many picture files: found in a folder tree or read from a list, kept in one buffer.

Names are bytes, as the file system has them, relative to a root. Plain functions and one class,
without torch or mmdet.
"""

from __future__ import annotations

import errno
import json
import os
from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import InputError

# what picture.py reads; letter case does not count
SUFFIXES = ('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.bmp', '.dib', '.webp', '.tif', '.tiff',
            '.gif', '.jp2', '.ppm', '.pgm', '.pbm', '.pnm', '.exr', '.hdr')
_SUFFIXES = tuple(os.fsencode(suffix) for suffix in SUFFIXES)


class FileNames:
    """A sequence of names in one buffer, 1,000,000 of 40 letters in 48 MB.

    A list of as many ``str`` takes twice that, and grows in every worker of a data loader: reading
    an object writes its reference count, so that the worker's page is no longer shared.

    Args:
        names: Any names; read once.
    """

    def __init__(self, names: Iterable[bytes]) -> None:
        buffer, ends = bytearray(), array('q', [0])
        for name in names:
            buffer += name
            ends.append(len(buffer))
        self._buffer = np.frombuffer(buffer, np.uint8)
        self._ends = np.frombuffer(ends, np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, i: int) -> bytes:
        return self._buffer[self._ends[i]:self._ends[i + 1]].tobytes()


def list_pictures(folder: str) -> Iterator[bytes]:
    """The picture files below a folder, at any depth, in the order of their names.

    Files are told by their suffix and not opened. Links are followed, each folder is entered once.
    Files and folders that begin with a dot are left out: copies that a desktop keeps.

    Raises:
        InputError: If a folder is absent or may not be read.
    """
    return _walk(os.fsencode(folder), b'', set())


def _walk(folder: bytes, prefix: bytes, entered: set[tuple[int, int]]) -> Iterator[bytes]:
    names = []
    try:
        inode = os.stat(folder)
        if (inode.st_dev, inode.st_ino) in entered:
            return
        entered.add((inode.st_dev, inode.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(b'.'):
                    continue
                if _is_folder(entry):
                    names.append(entry.name + b'/')
                elif entry.name.lower().endswith(_SUFFIXES):
                    names.append(entry.name)
    except OSError as error:
        raise InputError(f'picture folder {os.fsdecode(folder)} cannot be listed: '
                         f'{error.strerror}: correct data_root or the folder') from error
    # A folder sorts by its name with the slash, so that the whole is in the order of the names.
    for name in sorted(names):
        if name.endswith(b'/'):
            yield from _walk(os.path.join(folder, name[:-1]), prefix + name, entered)
        else:
            yield prefix + name


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself
            return False
        raise


def read_list(ann_file: str) -> Iterator[bytes]:
    """The names in a text list, one a line, or of the ``images`` of a COCO JSON, in their order.

    Raises:
        InputError: If the file is absent, or not what its suffix says.
    """
    try:
        with open(ann_file, encoding='utf-8-sig', errors='surrogateescape') as file:
            if ann_file.lower().endswith('.json'):
                names = [image['file_name'].rstrip('\r\n') for image in json.load(file)['images']]
            else:
                names = [line.rstrip('\r\n') for line in file]
    except OSError as error:
        raise InputError(f'picture list {ann_file} cannot be read: {error.strerror}: '
                         'correct ann_file') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f'picture list {ann_file} has no COCO images with a file_name each '
                         f'({error!r}): mend it, or name a text list that does not end with .json'
                         ) from error
    if any('\0' in name for name in names):
        raise InputError(f'picture list {ann_file} is no UTF-8 text (of UTF-16, as PowerShell writes it?): save it as '
                         'UTF-8')
    return (os.fsencode(name) for name in names if name.strip())
