"""What a user names: pictures, folders, lists, globs, videos -> pictures one after another."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..datasets.listing import is_picture, list_pictures, read_list, say_left_out
from ..datasets.picture import PictureError, decode_picture
from ..errors import InputError, shown

COUNTED = ('.avi', '.m4v', '.mov', '.mp4')  # their files state how many frames they have
VIDEOS = (*COUNTED, '.mkv', '.mpeg', '.mpg', '.webm', '.wmv')


@dataclass(frozen=True)
class Input:
    """A picture file or a video.

    Attributes:
        name: Its path below the folder that all inputs share, with slashes.
        path: Where it lies.
    """

    name: str
    path: str

    @property
    def is_video(self) -> bool:
        return self.path.lower().endswith(VIDEOS)


@dataclass
class Picture:
    """A picture file, or a frame of a video.

    Attributes:
        name: The input's; of a frame with its number, ``clip.mp4/000123``.
        path: Of the file.
        image: (H, W, 3) uint8 BGR of a frame that is wanted; None of a file, which is read later.
        problem: Why it cannot be read, if that is known.
    """

    name: str
    path: str
    image: np.ndarray | None = None
    problem: str = ''

    def read(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR, as a person sees it.

        Raises:
            InputError: The file is absent, no picture, or truncated.
        """
        if self.image is not None:
            return self.image
        if self.problem:
            raise InputError(f'{self.path}: {self.problem}')
        try:
            return decode_picture(Path(self.path).read_bytes())
        except (OSError, PictureError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InputError(f'{self.path}: cannot be read: {reason}') from error


def list_inputs(named: Iterable[str]) -> tuple[str, list[Input], str]:
    """All picture files and videos that ``named`` stand for, each once, in their order.

    Args:
        named: Files, folders (at any depth), text lists of paths (``.txt``, relative to the list)
            and globs (``**`` is any depth).

    Returns:
        The folder that all share, the inputs, and a line about what was left out of folders, or ''.

    Raises:
        InputError: One of them does not exist or stands for nothing.
    """
    left_out: Counter[bytes] = Counter()
    roots, paths = [], []
    for name in named:
        root, found = _expand(name, left_out)
        if not found:
            raise InputError(f'{shown(name)} has no picture that can be read: name another')
        roots.append(os.path.abspath(root))
        paths += [os.path.abspath(path) for path in found]
    common = os.path.commonpath(roots) if roots else ''
    inputs = [
        Input(os.path.relpath(path, common).replace(os.sep, '/'), path)
        for path in dict.fromkeys(paths)
    ]
    return common, inputs, say_left_out(left_out) if left_out else ''


def _expand(name: str, left_out: Counter[bytes]) -> tuple[str, list[str]]:
    """A folder, and the files below it that one named thing stands for."""
    if os.path.isdir(name):
        found = [os.fsdecode(path) for path in list_pictures(name, left_out)]
        return name, [os.path.join(name, path) for path in found]
    if name.lower().endswith('.txt') and os.path.exists(name):
        folder = os.path.dirname(os.path.abspath(name))
        found = [os.path.join(folder, os.fsdecode(line).strip()) for line in read_list(name)]
        return _folder_of(found, folder), found
    if not os.path.exists(name) and glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))
        found = [path for path in matches if os.path.isfile(path) and _is_input(path)]
        return _before_magic(name), found
    if not os.path.exists(name):
        raise InputError(
            f'{shown(name)} does not exist: name pictures, folders, .txt lists of paths, globs in '
            'quotes, or videos'
        )
    return os.path.dirname(name), [name]


def _folder_of(paths: list[str], folder: str) -> str:
    """``folder`` if all paths lie below it, else what they share: names do not change with more."""
    below = all(path.startswith(os.path.join(folder, '')) for path in map(os.path.normpath, paths))
    return folder if below else os.path.commonpath([os.path.dirname(path) for path in paths])


def _before_magic(pattern: str) -> str:
    """The folder of a glob in front of its first part with a wildcard."""
    while glob.has_magic(pattern):
        pattern = os.path.dirname(pattern)
    return pattern


def _is_input(path: str) -> bool:
    return path.lower().endswith(VIDEOS) or is_picture(os.fsencode(os.path.basename(path)))


def outside(inputs: Iterable[Input], folder: Path) -> list[Input]:
    """Those that do not lie in the folder of the results, at any depth: earlier drawings.

    Raises:
        InputError: All lie there.
    """
    below = os.path.join(os.path.abspath(folder), '')
    found = [one for one in inputs if not one.path.startswith(below)]
    if not found:
        raise InputError(
            f'--out is {shown(str(folder), 160)}, in which all the pictures lie: name a '
            'folder that holds results alone'
        )
    return found


def pictures_of(inputs: Iterable[Input], wanted: Callable[[Picture], bool]) -> Iterator[Picture]:
    """The pictures of all inputs, frames of videos among them.

    Args:
        wanted: Whether a picture is going to be read; frames that are not are not decoded.
    """
    for one in inputs:
        if one.is_video:
            yield from _frames(one, wanted)
        else:
            yield Picture(one.name, one.path)


def _frames(video: Input, wanted: Callable[[Picture], bool]) -> Iterator[Picture]:
    level = cv2.setLogLevel(0)  # what cannot be read is said by us
    capture = cv2.VideoCapture(video.path)
    cv2.setLogLevel(level)
    number, stated = 0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    try:
        while capture.grab():
            frame = Picture(f'{video.name}/{number:06d}', video.path)
            if wanted(frame):
                whole, frame.image = capture.retrieve()
                if not whole:
                    break
            yield frame
            number += 1
    finally:
        capture.release()
    if not number:
        yield Picture(video.name, video.path)  # to be read as a picture, which says why not
    elif number < stated and video.path.lower().endswith(COUNTED):
        problem = f'{number} of its {stated} frames can be read: it is damaged or cut off'
        yield Picture(video.name, video.path, problem=problem)


def count_pictures(inputs: Iterable[Input]) -> int:
    """How many pictures inputs have, as far as videos say it."""
    total = 0
    for one in inputs:
        if one.is_video:
            capture = cv2.VideoCapture(one.path)
            total += max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            capture.release()
        else:
            total += 1
    return total
