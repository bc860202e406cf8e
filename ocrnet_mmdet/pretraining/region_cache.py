"""Discovered regions on disk: one file of about 2 to 3 KB an image.

A file's name is the hash of the image's pixels, the settings and the algorithm's version, so that
regions of another image or other settings are never found; its first two digits name its folder,
so that a million images make 256 folders of 4,000 files.

    offset  bytes  little-endian
    0       4      b'ORG2'
    4       20     five uint32: H, W of the image; R regions; h, w of their segments
    24      ...    zlib: a scores, c atoms, b members (below)
    -16     16     blake2b of the file's name (without its end) and everything before it

    a  R uint8        scores in 255ths
    b  2 + h * w * 2  uint16 A, then (h, w) uint16: each pixel's *atom*, one of A sets of pixels
                      that lie in the same segments, numbered as they first appear row by row
    c  R * A bits     whether the segment holds the atom, rows padded together to whole bytes

Boxes are the segments' bounds, so they are not stored. A file is written in the cache's own folder
and moved to its place, so a reader sees all of it or none, whoever else writes; what a kill leaves
there of one is removed when the cache is opened an hour later.
"""

from __future__ import annotations

import hashlib
import json
import logging
import struct
import zlib
from pathlib import Path
from uuid import uuid4

import numpy as np
from mmengine.logging import print_log

from ..errors import InputError
from ..whole_file import remove_parts, whole_file
from .regions import VERSION, Regions

MAGIC = b'ORG2'
HEADER = struct.Struct('<4s5I')
CHECKSUM = 16
ABANDONED = 3600.0  # seconds after which nobody writes to a part any more


class RegionCache:
    """Regions by image and settings, in a folder that several processes may share.

    Args:
        folder: Made if absent.
        settings: All that the regions depend on beside the image; JSON can hold it.

    Raises:
        InputError: If the folder cannot be made or written to.
    """

    def __init__(self, folder: str | Path, settings: dict) -> None:
        self.folder = Path(folder)
        settings = dict(settings, version=VERSION, format=MAGIC.decode())
        self.settings = json.dumps(settings, sort_keys=True).encode()
        self.told = False
        self.writable = True
        self._check_writable()
        remove_parts(self.folder, ABANDONED)

    def load(self, image: np.ndarray) -> Regions | None:
        """The image's regions; None if they are not there, or cannot be read, said once."""
        path = self.path(image)
        try:
            return decode_regions(path.read_bytes(), path.stem)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if not self.told:
                print_log(
                    f'{path}: {error}; its regions are discovered anew, and so are those of '
                    'any other file that cannot be read',
                    'current',
                    logging.WARNING,
                )
                self.told = True
            return None

    def save(self, image: np.ndarray, regions: Regions) -> None:
        """Keep an image's regions; where that fails it is said, and this process keeps no more."""
        path = self.path(image)
        try:
            if self.writable:
                self._write(path, encode_regions(regions, path.stem))
        except OSError as error:
            self.writable = False
            print_log(
                f'cache_dir {self.folder} cannot be written to ({error.strerror}): regions that '
                'are not in it are discovered anew each time',
                'current',
                logging.WARNING,
            )

    def path(self, image: np.ndarray) -> Path:
        """Where the regions of an image (H, W, 3) uint8 lie."""
        key = hashlib.blake2b(self.settings, digest_size=16)
        key.update(repr(image.shape).encode())
        key.update(np.ascontiguousarray(image).data)
        name = key.hexdigest()
        return self.folder / name[:2] / f'{name}.regions'

    def _check_writable(self) -> None:
        probe = self.folder / f'{uuid4().hex}.probe'
        try:
            self._write(probe, MAGIC)
            probe.unlink()
        except OSError as error:
            raise InputError(
                f'cache_dir {self.folder} cannot be written to: {error.strerror}; set '
                'cache_dir to a folder with room and write permission, or to None to '
                'discover regions anew each time'
            ) from error

    def _write(self, path: Path, content: bytes) -> None:
        with whole_file(path, self.folder) as part:
            part.write_bytes(content)


def encode_regions(regions: Regions, name: str) -> bytes:
    """The content of a file of that name, see the module."""
    atoms, members = _atoms(regions.segments)
    body = zlib.compress(
        b''.join(
            [
                np.round(regions.scores * 255).astype(np.uint8).tobytes(),
                struct.pack('<H', members.shape[1]),
                atoms.astype('<u2').tobytes(),
                np.packbits(members).tobytes(),
            ]
        ),
        9,
    )
    content = HEADER.pack(MAGIC, *regions.shape, *regions.segments.shape) + body
    return content + _checksum(name, content)


def decode_regions(content: bytes, name: str) -> Regions:
    """The regions that :func:`encode_regions` wrote, equal in every value.

    Raises:
        ValueError: If the content is not whole, or was written under another name.
    """
    content, checksum = content[:-CHECKSUM], content[-CHECKSUM:]
    if _checksum(name, content) != checksum:
        raise ValueError('the file is truncated, damaged or of another image')
    _, H, W, R, h, w = HEADER.unpack_from(content)
    body = zlib.decompress(content[HEADER.size :])
    levels = np.frombuffer(body, np.uint8, R)
    (count,) = struct.unpack_from('<H', body, R)
    atoms = np.frombuffer(body, '<u2', h * w, R + 2).reshape(h, w)
    bits = np.frombuffer(body, np.uint8, offset=R + 2 + 2 * h * w)
    members = np.unpackbits(bits, count=R * count).reshape(R, count).astype(bool)
    return Regions.of_segments(members[:, atoms], levels, (H, W))


def _checksum(name: str, content: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + content, digest_size=CHECKSUM).digest()


def _atoms(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atom of each pixel (h, w) and the segments' members (R, A) bool, of segments (R, h, w)."""
    R, h, w = segments.shape
    pixels = segments.reshape(R, h * w)
    rows = np.packbits(pixels, axis=0).T if R else np.zeros((h * w, 1), np.uint8)
    keys = np.ascontiguousarray(rows).view(f'V{rows.shape[1]}').ravel()
    _, first, atoms = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return np.argsort(order)[atoms].reshape(h, w), pixels[:, first[order]]
