"""The pictures that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..datasets.listing import list_pictures
from ..errors import InputError, shown
from ..evenly import evenly


def pictures_of(named: Iterable[str], most: int) -> list[str]:
    """Paths of files, and of the pictures of folders at any depth: at most ``most`` of each folder,
    spread over it evenly.

    Raises:
        InputError: One does not exist, or a folder has no picture.
    """
    paths: list[str] = []
    for name in named:
        if os.path.isdir(name):
            inside = [os.path.join(name, os.fsdecode(path)) for path in list_pictures(name)]
            if not inside:
                raise InputError(f'folder {shown(name)} has no picture: name another')
            paths += [inside[i] for i in evenly(len(inside), most)]
        elif os.path.isfile(name):
            paths.append(name)
        else:
            raise InputError(f'{shown(name)} does not exist: name pictures, or a folder of them')
    return paths
