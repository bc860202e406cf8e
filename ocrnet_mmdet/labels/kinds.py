"""Which format labels have, told by their content.

| kind | is told by |
|---|---|
| COCO | JSON with the lists images, annotations, categories |
| VIA | JSON with ``_via_img_metadata``, or entries with ``filename`` and ``regions`` |
| LabelMe | JSON with ``shapes`` |
| Pascal VOC | XML whose root is ``annotation`` |
| CVAT | XML whose root is ``annotations`` |
| YOLO | YAML with ``names`` or ``train``; text whose first line is a class and its numbers |
| CSV | text whose first line names columns of a box |
| masks | a folder of picture files and none of the above |
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..datasets.coco_file import read_json
from ..errors import InputError, shown
from .columns import columns_of, delimiter_of
from .files import SUFFIXES, files_below, first_line, not_xml, read_yaml, whole

COCO, VIA, LABELME = 'COCO JSON', 'VIA JSON', 'LabelMe JSON'
VOC, CVAT, YOLO, CSV, MASKS = 'Pascal VOC', 'CVAT XML', 'YOLO', 'CSV', 'mask pictures'
TAKEN = (
    'COCO JSON, YOLO (data.yaml or a folder of txt), Pascal VOC (folder of XML), LabelMe, VIA or '
    'CVAT for images 1.1 files, CSV of boxes, a folder of mask pictures (docs/label_formats.md)'
)
# Formats that are known and not taken, and what to do instead.
OTHERS = dict(
    datumaro="Datumaro's own JSON: export it as COCO",
    studio="Label Studio's own JSON: export it as COCO or YOLO",
    via3='a project of VIA 3: export it as COCO, or use VIA 2',
    video='CVAT for video: export it as "CVAT for images 1.1"',
)
XML_KINDS = {'annotation': VOC, 'annotations': CVAT}  # by the root
ROW = re.compile(r'\d+(\.0*)?(\s+[-+]?[\d.]+(e[-+]?\d+)?){4,}\s*', re.IGNORECASE)
YAML = ('.yaml', '.yml')
LOOKED_AT = 30  # files of a suffix in a folder, until one is recognised


@dataclass
class Source:
    """Label files of one format.

    Attributes:
        kind: One of the names above.
        root: The folder that was named, or that of the file.
        files: All of that format, sorted; of YOLO the YAML alone where there is one.
        told_by: The one of them that told the kind.
    """

    kind: str
    root: Path
    files: list[Path]
    told_by: Path

    def has(self, file: Path, kind: str | None) -> bool:
        """Whether a file is of this kind, where files are told one by one.

        Raises:
            InputError: It is of another kind that is known.
        """
        if kind not in (None, self.kind):
            raise _several(self.root, {self.kind: self.told_by, str(kind): file})
        return kind is not None


def _several(folder: Path, kinds: dict[str, Path]) -> InputError:
    there = ', '.join(
        f'{kind} ({shown(os.path.relpath(file, folder))})' for kind, file in sorted(kinds.items())
    )
    return InputError(
        f'{shown(str(folder), 160)} holds labels of several formats, {there}: name the file or '
        'the folder of one'
    )


def source_of(path: Path) -> Source:
    """What a path that is there holds.

    Raises:
        InputError: Nothing that is known, or labels of several formats.
    """
    if path.is_file():
        kind = kind_of(path)
        if kind is None:
            raise InputError(f'{shown(str(path), 160)} is of no known label format: give {TAKEN}')
        return Source(kind, path.parent, [path], path)
    by_suffix = files_below(path)
    found: dict[str, list[Path]] = {}
    told_by: dict[str, Path] = {}
    damage: list[InputError] = []
    for suffix in SUFFIXES:
        if told := _kind_of_many(by_suffix.get(suffix, []), damage):
            kind, file = told
            found.setdefault(kind, []).extend(by_suffix[suffix])
            told_by.setdefault(kind, file)
    if len(found) > 1:
        raise _several(path, told_by)
    if damage and not found:
        raise damage[0]
    if found:
        kind, files = found.popitem()
        yamls = [file for file in files if file.suffix.lower() in YAML]
        return Source(kind, path, _one_of(yamls, path) or files, told_by[kind])
    if masks := by_suffix.get(''):
        return Source(MASKS, path, masks, masks[0])
    raise InputError(f'{shown(str(path), 160)} holds no labels of a known format: give {TAKEN}')


def kind_of(file: Path) -> str | None:
    """The format of a file; None where it is none that is known.

    Raises:
        InputError: It cannot be read, or is of a format that is known and not taken.
    """
    suffix = file.suffix.lower()
    if suffix == '.json':
        return json_kind(read_json(str(file), shown(str(file), 160)), file)
    if suffix == '.xml':
        return _xml_kind(file)
    if suffix in YAML:
        with whole(file):
            content = read_yaml(file)
        return YOLO if isinstance(content, dict) and {'names', 'train'} & {*content} else None
    if suffix in ('.csv', '.tsv', '.txt'):
        return _text_kind(file)
    return None


def _kind_of_many(files: Iterable[Path], damage: list[InputError]) -> tuple[str, Path] | None:
    filled = (file for file in files if file.is_file() and file.stat().st_size)
    for file in itertools.islice(filled, LOOKED_AT):
        try:
            if kind := kind_of(file):
                return kind, file
        except InputError as error:
            damage.append(error)
    return None


def _one_of(yamls: list[Path], folder: Path) -> list[Path]:
    """The YAML file that describes a YOLO data set."""
    ours = [file for file in yamls if kind_of(file) == YOLO]
    if len(ours) > 1:
        raise InputError(
            f'{shown(str(folder), 160)} holds {len(ours)} YAML files of YOLO, {ours[0].name} and '
            f'{ours[1].name}: name one'
        )
    return ours


def json_kind(content: object, file: Path) -> str | None:
    """The format of a JSON file's content.

    Raises:
        InputError: It is known and not taken.
    """
    place = shown(str(file), 160)
    if isinstance(content, list):
        first = content[0] if content else None
        if isinstance(first, dict) and 'data' in first and 'annotations' in first:
            raise InputError(f'{place} is {OTHERS["studio"]}')
        return None
    if not isinstance(content, dict):
        return None
    if 'images' in content and {'annotations', 'categories'} & {*content}:
        return COCO
    if '_via_img_metadata' in content:
        return VIA
    if 'shapes' in content:
        return LABELME
    if {'items', 'categories'} <= {*content}:
        raise InputError(f'{place} is {OTHERS["datumaro"]}')
    if {'project', 'metadata', 'view'} <= {*content}:
        raise InputError(f'{place} is {OTHERS["via3"]}')
    entry = next(iter(content.values()), None)
    return VIA if isinstance(entry, dict) and {'filename', 'regions'} <= {*entry} else None


def _xml_kind(file: Path) -> str | None:
    with whole(file), file.open('rb') as stream:
        try:
            events = ElementTree.iterparse(stream, events=('start',))
            tags = [element.tag for _, (_, element) in zip(range(200), events)]
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise not_xml(error) from error
    if tags[:1] == ['annotations'] and 'track' in tags and 'image' not in tags:
        raise InputError(f'{shown(str(file), 160)} is {OTHERS["video"]}')
    return XML_KINDS.get(tags[0]) if tags else None


def _text_kind(file: Path) -> str | None:
    with whole(file):
        first = first_line(file)
    if file.suffix.lower() == '.txt' and ROW.fullmatch(first):
        return YOLO
    return CSV if columns_of(first.rstrip().split(delimiter_of(first))) else None
