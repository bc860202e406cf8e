"""Names of many picture files: found in a folder tree or read from a list, kept in one buffer.

Names are bytes, as the file system has them, relative to a root. Plain functions and one class,
without torch or mmdet.
"""

from __future__ import annotations

import errno
import json
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ..errors import InputError, printable
from .picture_formats import CONVERTERS, OPENERS, SUFFIXES

# Files that lie beside pictures and are none, by their suffixes, and by their names without one.
BESIDE = frozenset(
    os.fsencode(f'.{suffix}')
    for suffix in (
        'txt json jsonl xml csv tsv md rst yaml yml toml ini cfg log html htm py ipynb sh npy '
        'npz mat pkl pt pth onnx zip gz tar tgz 7z rar db lock tmp bak part md5 sha256 url lnk '
        'aae xmp tfw jgw pgw prj ovr geojson shp shx dbf cpg kml names data cache doc docx xls '
        'xlsx parquet'
    ).split()
)
TEXTS = frozenset(
    (
        b'authors',
        b'changelog',
        b'copying',
        b'licence',
        b'license',
        b'makefile',
        b'notice',
        b'readme',
        b'version',
    )
)
_SUFFIXES = frozenset(os.fsencode(suffix) for suffix in SUFFIXES)
SHOWN = 8  # suffixes in a line


def is_picture(name: bytes, left_out: Counter[bytes] | None = None) -> bool:
    """Whether a file's name is one of a picture that can be read: by its suffix, or it has none.

    Args:
        left_out: Counts the suffixes of the other files, but those of ``BESIDE``.
    """
    suffix = os.path.splitext(name)[1].lower()
    if suffix in _SUFFIXES or not suffix and name.lower() not in TEXTS:
        return True
    if left_out is not None and suffix and suffix not in BESIDE:
        left_out[suffix] += 1
    return False


def say_left_out(left_out: Counter[bytes]) -> str:
    """One line: how many files were left out, by which suffixes, and what would read them."""
    counts = [
        (os.fsdecode(suffix), count)
        for suffix, count in sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    ]
    shown = ', '.join(f'{printable(suffix)} ({count})' for suffix, count in counts[:SHOWN])
    more = f' and {len(counts) - SHOWN} other suffixes' if len(counts) > SHOWN else ''
    fixes = [
        f'{suffix} needs pip install {OPENERS[suffix]}' for suffix, _ in counts if suffix in OPENERS
    ]
    fixes += [
        f'{suffix} a conversion to PNG or TIFF, by {CONVERTERS[suffix]}'
        for suffix, _ in counts
        if suffix in CONVERTERS
    ]
    return f'{left_out.total()} files are left out by their suffix: {shown}{more}' + (
        f'; {", ".join(fixes)}' if fixes else ''
    )


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
        return self._buffer[self._ends[i] : self._ends[i + 1]].tobytes()


def list_pictures(folder: str, left_out: Counter[bytes] | None = None) -> Iterator[bytes]:
    """The picture files below a folder, at any depth, in the order of their names.

    Files are told by :func:`is_picture` and not opened. Links are followed, each folder is entered
    once. Files and folders that begin with a dot are left out: copies that a desktop keeps.

    Raises:
        InputError: If a folder is absent or may not be read.
    """
    return _walk(os.fsencode(folder), b'', set(), left_out)


def _walk(
    folder: bytes, prefix: bytes, entered: set[tuple[int, int]], left_out: Counter[bytes] | None
) -> Iterator[bytes]:
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
                if _points_to(entry.is_dir):
                    names.append(entry.name + b'/')
                # what has no suffix may be a socket or a dead link
                elif is_picture(entry.name, left_out) and (
                    b'.' in entry.name or _points_to(entry.is_file)
                ):
                    names.append(entry.name)
    except OSError as error:
        raise InputError(
            f'picture folder {os.fsdecode(folder)} cannot be listed: '
            f'{error.strerror}: correct data_root or the folder'
        ) from error
    # A folder sorts by its name with the slash, so that the whole is in the order of the names.
    for name in sorted(names):
        if name.endswith(b'/'):
            yield from _walk(os.path.join(folder, name[:-1]), prefix + name, entered, left_out)
        else:
            yield prefix + name


def _points_to(is_kind: Callable[[], bool]) -> bool:
    try:
        return is_kind()
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
        raise InputError(
            f'picture list {ann_file} cannot be read: {error.strerror}: correct ann_file'
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'picture list {ann_file} has no COCO images with a file_name each '
            f'({error!r}): mend it, or name a text list that does not end with .json'
        ) from error
    if any('\0' in name for name in names):
        raise InputError(
            f'picture list {ann_file} is no UTF-8 text (of UTF-16, as PowerShell writes it?): '
            'save it as UTF-8'
        )
    return (os.fsencode(name) for name in names if name.strip())
