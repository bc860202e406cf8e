"""The pictures below a folder, found by the names that label files have for them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ..datasets.listing import list_pictures
from ..datasets.picture import shown_size
from ..datasets.picture_formats import SUFFIXES

UPLOAD = re.compile(r'[0-9a-f]{8}-(.+)')  # Label Studio's: 8 hex digits before the name
UPLOADED = 'uploaded/'  # keeps keys of renamed stems apart: no stem has a slash
# Roboflow's: x.jpg becomes x_jpg.rf.HASH.jpg
EXPORT = re.compile(r'(.+)_([A-Za-z]{3,4})\.rf\.[0-9A-Za-z]+(\.\w+)?')


class Pictures:
    """Finds pictures by name.

    A name that is no path below the folder is looked for by its last part, in any letter case and
    any of Unicode's forms of a letter with marks (macOS writes them apart), then without what an
    upload or an export added to it, then with another suffix. Of several such
    pictures the one whose folders agree most is meant; of equal ones none.

    Args:
        folder: The picture folder, listed at any depth.
        apart: A folder of masks; what lies below it is no picture.
        names: Of the pictures, below the folder; None lists it.

    Raises:
        InputError: The folder is absent or may not be read.
    """

    def __init__(
        self, folder: Path, apart: Path | None = None, names: Iterable[str] | None = None
    ) -> None:
        self.folder = Path(os.path.abspath(folder))
        inner = os.path.join(os.path.relpath(apart, folder), '') if apart else ''
        found = map(os.fsdecode, list_pictures(str(folder))) if names is None else names
        self.names = [name for name in found if not apart or not name.startswith(inner)]
        self._names = set(self.names)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            stem = _composed(_stem(os.path.basename(name)))
            for key in {stem.lower(), UPLOADED + _uploaded(stem)}:
                self._by_stem[key].append(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def leave_out(self, names: Iterable[str]) -> None:
        """Take away what looked like pictures: masks that lie among them."""
        gone = set(names)
        self.names = [name for name in self.names if name not in gone]
        self._names -= gone
        for stem, there in self._by_stem.items():
            self._by_stem[stem] = [name for name in there if name not in gone]

    def find(self, name: str) -> str | None:
        """The picture's path below the folder; None where no picture is meant, or several may be.

        Args:
            name: As a label file has it: a path with or without suffix, or an address.
        """
        if name in self._names:
            return name
        path = path_of(name)
        if os.path.isabs(path) and not os.path.relpath(path, self.folder).startswith('..'):
            path = os.path.relpath(path, self.folder)
        if path in self._names:
            return path
        folders, base = os.path.split(path)
        for plain in _plain_names(base):
            if found := _nearest(self._by_stem.get(_stem(plain).lower(), []), folders, plain):
                return found
        if match := UPLOAD.fullmatch(base):
            key = UPLOADED + _uploaded(_stem(match[1]))
            return _nearest(self._by_stem.get(key, []), folders, match[1])
        return None

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a picture as a person sees it.

        Raises:
            PictureError: It cannot be read.
        """
        return shown_size((self.folder / name).read_bytes())


def path_of(name: str) -> str:
    """A path with slashes, without blanks around it; of an address what it leads to."""
    if '?d=' in name:  # Label Studio's local files: /data/local-files/?d=folder/x.jpg
        name = parse_qs(urlsplit(name).query).get('d', [name])[0]
    elif '://' in name:
        name = unquote(urlsplit(name).path)
    return os.path.normpath(_composed(name).strip().replace('\\', '/'))


def _composed(name: str) -> str:
    return unicodedata.normalize('NFC', name)


def _plain_names(base: str) -> list[str]:
    """The name itself, then without an upload's or export's addition, then without %20."""
    names = [base]
    if match := UPLOAD.fullmatch(base):
        names.append(match[1])
    if match := EXPORT.fullmatch(base):
        names.append(f'{match[1]}.{match[2]}')
    return [*names, _composed(unquote(base))] if '%' in base else names


def _stem(base: str) -> str:
    """Without a picture's suffix; other dots belong to the name."""
    stem, suffix = os.path.splitext(base)
    return stem if suffix.lower() in SUFFIXES else base


def _uploaded(stem: str) -> str:
    """As Label Studio renames uploads: blanks become underscores, brackets and the like go."""
    return re.sub(r'[^-\w.]', '', stem.strip().replace(' ', '_')).lower()


def _nearest(names: list[str], folders: str, base: str) -> str | None:
    """The one of ``names`` that is most like ``folders/base``; None if two are alike."""

    def likeness(name: str) -> tuple[bool, bool, int]:
        theirs, last = os.path.split(_composed(name))
        common = 0
        for ours, other in zip(reversed(folders.split('/')), reversed(theirs.split('/'))):
            if ours != other:
                break
            common += 1
        return last == base, last.lower() == base.lower(), common

    ranked = sorted(set(names), key=likeness, reverse=True)
    if not ranked or len(ranked) > 1 and likeness(ranked[0]) == likeness(ranked[1]):
        return None
    return ranked[0]
