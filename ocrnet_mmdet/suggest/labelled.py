"""Which pictures of a pool are labelled already: by the names in label files, and by content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from ..datasets.listing import list_pictures
from ..errors import InputError, shown
from ..labels import READERS, TRAIN, VAL
from ..labels.kinds import MASKS, Source, source_of
from ..labels.pictures import Pictures


def labelled_names(labels: Path, root: str, pool: Iterable[str]) -> set[str]:
    """The names of the pool's pictures that are labelled.

    A picture is if the labels name it, or if its file has the bytes of one that they name. Of a
    folder the pictures in it count too: those that its labels name, all where it has no labels, or
    masks.

    Args:
        labels: A file or folder of any label format, or the folder that tools/start.py wrote.
        root: Folder of the pool.
        pool: Names below it.

    Raises:
        InputError: There are no labels, they are of no known format, or damaged as a whole.
    """
    if not labels.exists():
        raise InputError(
            f'--labelled: {shown(str(labels), 160)} does not exist: name a file of labels, or the '
            'folder of labels or labelled pictures'
        )
    pool = list(pool)
    here = Pictures(Path(root), names=pool)
    found: set[str] = set()
    files: list[Path] = []
    for source in _sources(labels):
        found |= _named(source, here)
        if labels.is_dir():
            beside = Pictures(labels)
            files += [beside.folder / name for name in sorted(_named(source, beside))]
    files += [here.folder / name for name in sorted(found)]
    return found | _copies(here.folder, pool, files)


def _sources(labels: Path) -> list[Source]:
    """What to read: of a folder that tools/start.py wrote its two files, not a training's logs."""
    parts = [labels / 'annotations' / f'{part}.json' for part in (TRAIN, VAL)]
    if parts[0].is_file():
        return [source_of(part) for part in parts if part.is_file()]
    return [source_of(labels)]


def _named(source: Source, pictures: Pictures) -> set[str]:
    """Those of the pictures that labels name; of a folder of pictures those of the same name."""
    if source.kind != MASKS:
        images = READERS[source.kind](source, pictures).data['images']
        return {name for image in images if (name := image.get('file_name')) in pictures}
    names = map(os.fsdecode, list_pictures(str(source.root)))
    return {name for name in map(pictures.find, names) if name is not None}


def _copies(root: Path, pool: list[str], labelled: list[Path]) -> set[str]:
    """Those of the pool whose file has the bytes of a labelled one.

    A file that is not there is a copy of nothing: reading it says so later.
    """
    labelled = [path for path in labelled if path.is_file()]
    sizes = {path.stat().st_size for path in labelled}
    digests = {_digest(path) for path in labelled}
    alike = [n for n in pool if (root / n).is_file() and (root / n).stat().st_size in sizes]
    return {name for name in alike if _digest(root / name) in digests}


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
