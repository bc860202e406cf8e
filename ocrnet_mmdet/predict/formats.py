"""What was found as files that other programs read.

Each writer takes the pictures one after another, so that millions need no memory, and leaves whole
files. A box is xyxy in pixels of the upright picture unless the format says otherwise.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..whole_file import whole_file
from .crops import polygons, run_lengths
from .found import Found

CLASSES = 'classes'  # stem of the file beside YOLO's with the classes' names


@dataclass
class Results:
    """All pictures of a call.

    Attributes:
        out: Folder for the files.
        classes: By label.
        names: Of the pictures that were read, in their order.
        paths: Of their files.
        found: What was found in the picture of a name.
    """

    out: Path
    classes: tuple[str, ...]
    names: list[str]
    paths: list[str]
    found: Callable[[str], Found]

    def __iter__(self) -> Iterator[Found]:
        return map(self.found, self.names)

    def stems(self) -> list[str]:
        """The names without suffixes; with them where two files would get the same."""
        short = [name if _is_frame(name) else os.path.splitext(name)[0] for name in self.names]
        count = Counter([*short, CLASSES])
        stems = [stem if count[stem] == 1 else name for stem, name in zip(short, self.names)]
        return stems if len({*stems, CLASSES}) > len(stems) else self.names


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    """A file to write to, whole or absent; names of pictures may be no UTF-8."""
    with (
        whole_file(path) as part,
        open(part, 'w', encoding='utf-8', errors='surrogateescape', newline='') as file,
    ):
        yield file


def write_coco(results: Results) -> None:
    """``coco.json`` with pictures, classes and objects, as labels are; ``coco_results.json``, the
    list that COCO's scoring takes.

    Picture ids and category ids count from 1. Boxes are xywh, masks compressed run lengths.
    """
    categories = [dict(id=i, name=name) for i, name in enumerate(results.classes, 1)]
    with _text(results.out / 'coco.json') as file:
        file.write('{"images": ')
        _write_list(file, (_image(i, found) for i, found in enumerate(results, 1)))
        file.write(f',\n"categories": {json.dumps(categories)},\n"annotations": ')
        labels = enumerate(_objects(results), 1)
        _write_list(file, (dict(id=i, iscrowd=0, **label) for i, label in labels))
        file.write('}\n')
    with _text(results.out / 'coco_results.json') as file:
        _write_list(file, ({k: v for k, v in o.items() if k != 'area'} for o in _objects(results)))


def _image(i: int, found: Found) -> dict:
    return dict(id=i, file_name=found.name, height=found.height, width=found.width)


def _objects(results: Results) -> Iterator[dict]:
    for picture, found in enumerate(results, 1):
        for i in range(len(found)):
            x0, y0, x1, y1 = (round(float(side), 4) for side in found.boxes[i])
            w, h = round(x1 - x0, 4), round(y1 - y0, 4)
            label = dict(
                image_id=picture,
                category_id=int(found.labels[i]) + 1,
                bbox=[x0, y0, w, h],
                score=round(float(found.scores[i]), 6),
                area=round(w * h, 4),
            )
            if found.crops is not None:
                crop = found.crops[i]
                label['area'] = int(crop.bits.sum())
                label['segmentation'] = run_lengths(crop, found.height, found.width)
            yield label


def _write_list(file: IO[str], items: Iterable[dict]) -> None:
    """A JSON list, an item a line."""
    file.write('[')
    for i, item in enumerate(items):
        file.write((',\n' if i else '\n') + json.dumps(item))
    file.write(']')


def write_csv(results: Results) -> None:
    """``found.csv``, a row an object; ``pixels`` is its mask's area, empty without masks."""
    with _text(results.out / 'found.csv') as file:
        rows = csv.writer(file)
        rows.writerow(['picture', 'class', 'score', 'x0', 'y0', 'x1', 'y1', 'pixels'])
        for found in results:
            for i, name in enumerate(found.names):
                box = [f'{side:.2f}' for side in found.boxes[i]]
                area = '' if found.crops is None else int(found.crops[i].bits.sum())
                rows.writerow([found.name, name, f'{found.scores[i]:.4f}', *box, area])


def write_yolo(results: Results) -> None:
    """``yolo/NAME.txt``: class number, centre, width, height as shares of the picture, score.

    A picture without objects has an empty file. ``yolo/classes.txt`` has the classes' names.
    """
    folder = results.out / 'yolo'
    with _text(folder / f'{CLASSES}.txt') as file:
        file.writelines(f'{name}\n' for name in results.classes)
    for stem, found in zip(results.stems(), results):
        lines = []
        for box, label, score in zip(found.boxes.astype(float), found.labels, found.scores):
            x0, x1 = box[[0, 2]] / found.width
            y0, y1 = box[[1, 3]] / found.height
            shares = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            lines.append(' '.join([str(label), *(f'{s:.6f}' for s in shares), f'{score:.4f}\n']))
        with _text(folder / f'{stem}.txt') as file:
            file.writelines(lines)


def write_labelme(results: Results) -> None:
    """``labelme/NAME.json``: the masks' outlines as polygons, boxes as rectangles where there are
    no masks.

    The parts of an object share a ``group_id``; holes are filled. ``imagePath`` leads from the file
    to the picture.
    """
    for stem, path, found in zip(results.stems(), results.paths, results):
        place = results.out / 'labelme' / f'{stem}.json'
        shapes = [shape for i in range(len(found)) for shape in _shapes(found, i)]
        content: dict[str, object] = dict(
            version='5.0.0',
            flags={},
            shapes=shapes,
            imagePath=os.path.relpath(path, place.parent),
            imageData=None,
            imageHeight=found.height,
            imageWidth=found.width,
        )
        with _text(place) as file:
            json.dump(content, file, indent=1)


def _shapes(found: Found, i: int) -> Iterator[dict]:
    outlines = [] if found.crops is None else [p.tolist() for p in polygons(found.crops[i])]
    kind = 'polygon' if outlines else 'rectangle'
    for points in outlines or [found.boxes[i].astype(float).round(2).reshape(2, 2).tolist()]:
        yield dict(
            label=found.names[i],
            points=points,
            group_id=i if len(outlines) > 1 else None,
            description=f'{found.scores[i]:.4f}',
            shape_type=kind,
            flags={},
        )


def _is_frame(name: str) -> bool:
    return not os.path.splitext(name)[1]


FORMATS: dict[str, Callable[[Results], None]] = dict(
    coco=write_coco, csv=write_csv, labelme=write_labelme, yolo=write_yolo
)
