"""Labels in the formats that people have, read as COCO: one reader a file, see kinds.py.

A reader takes label files and gives images, objects and classes; what it leaves out is counted and
said. Whether the numbers can be meant is not its matter: datasets/coco_rules.py looks at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError, shown
from . import kinds
from .coco import read_coco_files
from .cvat import read_cvat
from .kinds import Source, source_of
from .labelme import read_labelme
from .mask_pictures import read_masks
from .parts import TEST, TRAIN, VAL
from .pictures import Pictures
from .reading import Found
from .table import read_csv
from .via import read_via
from .voc import read_voc
from .yolo import read_yolo

__all__ = ['TEST', 'TRAIN', 'VAL', 'Found', 'read_any']

READERS: dict[str, Callable[[Source, Pictures], Found]] = {
    kinds.COCO: read_coco_files,
    kinds.YOLO: read_yolo,
    kinds.VOC: read_voc,
    kinds.LABELME: read_labelme,
    kinds.VIA: read_via,
    kinds.CVAT: read_cvat,
    kinds.MASKS: read_masks,
    kinds.CSV: read_csv,
}


def read_any(path: Path, pictures: Path) -> Found:
    """Labels of any format that is known.

    Args:
        path: A file, or the folder of label files.
        pictures: The folder of the pictures, at any depth.

    Raises:
        InputError: The labels are of no known format, of several, or damaged as a whole.
    """
    source = source_of(path)
    if not pictures.is_dir():
        raise InputError(f'there is no picture folder {shown(str(pictures), 160)}: correct it')
    below = Path(os.path.abspath(path)).is_relative_to(os.path.abspath(pictures))
    same = os.path.abspath(path) == os.path.abspath(pictures)
    apart = path if source.kind == kinds.MASKS and below and not same else None
    found = READERS[source.kind](source, Pictures(pictures, apart))
    if not found.data['images']:
        reason = '; '.join(found.notes[1:])
        raise InputError(
            f'{shown(str(path), 160)} ({source.kind}) labels no picture below '
            f'{shown(str(pictures), 120)}: {reason or "it lists none"}'
        )
    return found
