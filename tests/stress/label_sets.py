"""A label set of four pictures in every format, as files that are to be damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.labels import truth as writers


@dataclass
class Labels:
    """Label files that are to be damaged.

    Attributes:
        kind: The format.
        files: Content by path.
        owner: The picture of a file; a file of all pictures has none.
        touched: Pictures whose labels may have changed.
        same: Whether the damage leaves all as it was.
        place: What is to be done on the disk once the files are there.
    """

    kind: str
    files: dict[str, bytes]
    touched: set[str] = field(default_factory=set)
    same: bool = False
    place: Callable[[Path], None] | None = None

    def owners(self, file: str) -> set[str]:
        """Pictures of which a file has labels."""
        names = {f'p{i}.png' for i in range(4)}
        stem = next(
            (part for part in Path(file).with_suffix('').parts if f'{part}.png' in names), ''
        )
        return {f'{stem}.png'} if stem else names


def sound(truth: dict, pictures: Path, folder: Path) -> dict[str, dict[str, bytes]]:
    """Every format's files, by their paths; ``folder`` is used to write them."""
    kinds: dict[str, dict[str, bytes]] = {}

    def keep(kind: str) -> None:
        files = [f for f in sorted(folder.rglob('*')) if f.is_file()]
        kinds[kind] = {str(f.relative_to(folder)): f.read_bytes() for f in files}
        shutil.rmtree(folder)

    def keep_text(kind: str, name: str, text: str) -> None:
        kinds[kind] = {name: text.encode()}

    keep_text('COCO boxes', 'all.json', json.dumps(writers.coco(truth, outlines=False)))
    keep_text('COCO outlines', 'all.json', json.dumps(writers.coco(truth)))
    for shape in ('rect', 'polygon'):
        keep_text(f'VIA {shape}', 'via.json', json.dumps(writers.via(truth, shape)))
    for shape in ('box', 'polygon', 'mask'):
        keep_text(f'CVAT {shape}', 'annotations.xml', writers.cvat(truth, shape))
    keep_text('CSV', 'boxes.csv', _csv(truth))
    keep_text('CSV shares', 'boxes.csv', _csv(truth, writers.WIDTH, writers.HEIGHT))
    for shape in ('rectangle', 'polygon', 'mask'):
        writers.write_labelme(truth, folder, shape)
        keep(f'LabelMe {shape}')
    writers.write_voc(truth, folder)
    keep('VOC')
    for outlines in (False, True):
        writers.write_yolo(truth, folder, outlines)
        (folder / 'classes.txt').write_text('\n'.join(writers.CLASSES))
        keep('YOLO outlines' if outlines else 'YOLO boxes')
    writers.write_yolo(truth, folder / 'labels')
    names = sorted(truth)
    for part, ours in dict(train=names[:3], val=names[3:]).items():
        (folder / f'{part}.txt').write_text(''.join(f'{pictures / n}\n' for n in ours))
    lines = ['train: train.txt', 'val: val.txt', 'nc: 2', 'names:', '  0: cell', '  1: big cell']
    (folder / 'data.yaml').write_text('\n'.join(lines))
    keep('YOLO yaml')
    writers.write_instance_masks(truth, folder)
    keep('masks of all')
    writers.write_object_masks(truth, folder)
    keep('masks of one')
    return kinds


def _csv(truth: dict, width: int = 1, height: int = 1) -> str:
    lines = ['filename,width,height,class,xmin,ymin,xmax,ymax']
    for name, objects in truth.items():
        for o in objects:
            x, y, w, h = o['box']
            lines.append(
                f'{name},96,64,{o["label"]},{x / width},{y / height},'
                f'{(x + w) / width},{(y + h) / height}'
            )
    return '\n'.join(lines) + '\n'
