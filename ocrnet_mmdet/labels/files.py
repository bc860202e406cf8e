"""Label files as they lie on the disk: found below a folder, and read so that damage is a reason.

A reader decides what the damage of a file is worth: its picture, or the whole (:func:`whole`).
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import yaml

from ..datasets.listing import is_picture
from ..errors import InputError, shown

SUFFIXES = ('.json', '.xml', '.yaml', '.yml', '.csv', '.tsv', '.txt')


class LabelError(ValueError):
    """A label that cannot be read; the message is the reason, without the file's name."""


@contextmanager
def whole(file: Path) -> Iterator[None]:
    """Make the damage of a file that holds all labels the one line that ends it.

    Raises:
        InputError: In place of a LabelError or OSError.
    """
    place = shown(str(file), 160)
    try:
        yield
    except LabelError as error:
        raise InputError(f'{place} {error}') from error
    except OSError as error:
        raise InputError(
            f'{place} cannot be read: {error.strerror}: correct its rights, or copy it'
        ) from error


def files_below(folder: Path) -> dict[str, list[Path]]:
    """Files by suffix; those that may be pictures under ``''``.

    Links are followed, each folder is entered once. Pipes and sockets are left out: opening one
    waits without end. Links to nothing stay, for the reader to count.

    Raises:
        InputError: A folder may not be read.
    """
    files: dict[str, list[Path]] = defaultdict(list)
    entered: set[tuple[int, int]] = set()
    for where, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        inode = os.stat(where)
        if (inode.st_dev, inode.st_ino) in entered:  # a link to a folder above, or a second one
            folders.clear()
            continue
        entered.add((inode.st_dev, inode.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith('.') or not _may_be_file(os.path.join(where, name)):
                continue
            if suffix in SUFFIXES:
                files[suffix].append(Path(where, name))
            elif suffix and is_picture(os.fsencode(name)):
                files[''].append(Path(where, name))
    return files


def _refuse(error: OSError) -> None:
    raise InputError(
        f'{shown(str(error.filename), 160)} cannot be listed: {error.strerror}: correct its '
        'rights, or copy it'
    ) from error


def _may_be_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # said where it is read
        return True


def read_text(file: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        LabelError: It is no UTF-8.
        OSError: It cannot be read.
    """
    try:
        text = file.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise LabelError('is no UTF-8 text: save it as UTF-8') from error
    if '\0' in text:  # UTF-16 of English letters without a mark is UTF-8 as well
        raise LabelError('is no UTF-8 text (of UTF-16, as PowerShell writes it?): save it as UTF-8')
    return text


def first_line(file: Path) -> str:
    """The first line that is not blank, whatever the encoding; '' where there is none.

    Raises:
        OSError: It cannot be read.
    """
    with file.open(encoding='utf-8-sig', errors='replace') as stream:
        return next((line for line in stream if line.strip()), '')


def read_xml(file: Path) -> ElementTree.Element:
    """The root of an XML file. Entities that grow without end are expat's to refuse (2.4.1).

    Raises:
        LabelError: It is none.
        OSError: It cannot be read.
    """
    try:
        return ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise not_xml(error) from error


def not_xml(error: Exception) -> LabelError:
    """The reason of what a parser raises: of encodings of several bytes a ValueError."""
    return LabelError(f'is not XML ({error}): export or copy it again, as UTF-8')


class _Loader(yaml.SafeLoader):
    """YAML without aliases: ten lines of them may stand for more than fits into memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f'it has the alias *{self.peek_event().anchor}: write it out')
        return super().compose_node(parent, index)


def read_yaml(file: Path) -> object:
    """The content of a YAML file.

    Raises:
        LabelError: It is none.
        OSError: It cannot be read.
    """
    text = read_text(file)
    try:
        return yaml.load(text, _Loader)
    except RecursionError as error:
        raise LabelError('is not YAML (its brackets stand too deep): correct it') from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date of month 13
        raise LabelError(f'is not YAML ({" ".join(str(error).split())}): correct it') from error
