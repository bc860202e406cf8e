"""Parts of a COCO JSON, drawn by seed; pictures that stand in two of them by content."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

from ..datasets.coco_file import keep_images


def split_images(data: dict, count: int, seed: int) -> tuple[dict, dict]:
    """A JSON's content with ``count`` pictures drawn by ``seed``, and with all others."""
    ids = sorted(image['id'] for image in data['images'])
    chosen = set(random.Random(seed).sample(ids, count))
    return keep_images(data, chosen), keep_images(data, set(ids) - chosen)


def same_content(pictures: Path, names: Iterable[str], scored: Iterable[str]) -> list[str]:
    """Those of ``names`` whose file has the bytes of one of ``scored``; both below ``pictures``.

    Raises:
        OSError: A file cannot be read.
    """

    def digest(name: str) -> bytes:
        return hashlib.sha256((pictures / name).read_bytes()).digest()

    def size(name: str) -> int:
        return (pictures / name).stat().st_size

    scored = list(scored)
    sizes, known = set(map(size, scored)), set(map(digest, scored))
    return [name for name in names if size(name) in sizes and digest(name) in known]
