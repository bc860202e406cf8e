"""Label files of all formats damaged at random: a line, or nothing of the others' objects changes.

python tests/stress/fuzz_formats.py --files 10000 --seed 0

A data set of four pictures is written in a format, and one place of it is damaged: a value, a
token, bytes, an encoding, what the file is on the disk, or it holds a bomb. A process of its own
reads it as tools/start.py does and checks the result as training would, within LIMIT and MEMORY.
What may come out is an InputError of one line, or labels of which the pictures that were not
touched have all their objects as they were; objects fewer than the files state need a line that
counts. Where the damage changes nothing (line ends), nothing may change.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ocrnet_mmdet.datasets.clean import clean_labels  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402
from ocrnet_mmdet.labels import TEST, TRAIN, VAL, read_any  # noqa: E402
from tests.labels import truth as writers  # noqa: E402
from tests.stress.bombs import BOMBS  # noqa: E402
from tests.stress.fuzz_labels import Worker, damage  # noqa: E402

MEMORY = 2 * 2**30  # bytes beyond what a process that has just started takes
COUNT = re.compile(r'\d+ ')  # begins a line that counts what was left out or mended
POINTS = 'boxes: taken as points between pixels'
FINE = ('refused', 'refused by the checks', 'accepted', 'accepted, with a count')
TOKENS = (
    b'', b'nan', b'NaN', b'inf', b'-inf', b'1e308', b'-1e308', b'1e400', b'-1', b'0', b'1', b'0.5',
    b'0.0', b'9' * 5000, b'9' * 25, b'1e9', b'1,5', b'0x10', b'1_0', '\u0661'.encode(), b'cell',
    b'p1.png', b'../p1.png', b'../../../../etc/passwd', b'/etc/passwd', b'..', b'.', b'a\0b',
    b'\xff\xfe', b'\xe9', b'"', b"'", b'<', b'&', b'&x;', b'\n', b'\r', b';', b',', b'{', b'}',
    b'[1, 2]', b'*', b'x' * 300, b'x' * 200_000, b'\x1b[31m', b'\xe2\x80\xa8', b'null', b'true',
    b'2001-99-99', b'~', b': ',
)  # fmt: skip


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


# ---- sound files ----


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


# ---- damage ----


def damage_value(rng: np.random.Generator, labels: Labels) -> None:
    """One place of a tree of JSON or XML; of other files a token."""
    file = _any(rng, labels.files)
    text = labels.files[file]
    if file.endswith('.json'):
        labels.files[file] = _damage_json(rng, json.loads(text), labels, file)
    elif file.endswith('.xml'):
        labels.files[file] = _damage_xml(rng, ET.fromstring(text), labels, file)
    elif file.endswith('.png'):
        labels.touched |= labels.owners(file)
        labels.files[file] = _odd_mask(rng, text)
    else:
        damage_token(rng, labels)


def _damage_json(rng: np.random.Generator, data: dict, labels: Labels, file: str) -> bytes:
    names = sorted(labels.owners(file))
    name = _any(rng, names)
    if rng.random() < 0.2:  # anywhere
        labels.touched |= {*names}
        damage(rng, data)
    elif labels.kind.startswith('COCO'):
        labels.touched.add(name)
        key = next(i['id'] for i in data['images'] if i['file_name'] == name)
        ours = [a for a in data['annotations'] if a['image_id'] == key]
        others = [a for a in data['annotations'] if a['image_id'] != key]
        damage(rng, ours)
        data['annotations'] = others + ours
    elif labels.kind.startswith('VIA'):
        labels.touched.add(name)
        damage(rng, data['_via_img_metadata'][f'{name}123'])
    else:
        labels.touched.add(name)
        damage(rng, data)
    return json.dumps(data).encode()


def _damage_xml(rng: np.random.Generator, root: ET.Element, labels: Labels, file: str) -> bytes:
    names, top = labels.owners(file), root
    if labels.kind.startswith('CVAT') and rng.random() < 0.8:
        top = _any(rng, root.findall('image'))
        names = {top.get('name')}
    labels.touched |= names
    nodes = list(top.iter())
    node, other = _any(rng, nodes), _any(rng, nodes)
    odd = _any(rng, TOKENS).decode('latin-1').translate({i: 63 for i in (*range(9), 11, 12, 27)})
    kind = rng.integers(0, 7)
    if kind == 0:
        node.text = odd
    elif kind == 1:
        node.tag = _any(rng, ['object', 'image', 'mask', 'annotations', 'annotation', 'skeleton'])
    elif kind == 2:
        node[:] = list(node)[: rng.integers(0, len(node) + 1)]
    elif kind == 3 and node is not other and other not in node.iter() and node not in other.iter():
        node.append(other)
    elif kind == 4:
        node.text, other.text = other.text, node.text
    elif node.attrib:
        key = _any(rng, node.attrib)
        node.attrib[key] = odd
        if kind == 6:
            del node.attrib[key]
    return ET.tostring(root)


def _odd_mask(rng: np.random.Generator, content: bytes) -> bytes:
    picture, buffer = Image.open(io.BytesIO(content)), io.BytesIO()
    values = np.asarray(picture)
    noise = rng.integers(0, 256, (*values.shape, 3), np.uint8)
    odd, suffix = [
        (np.where(values > 0, np.nan, 0).astype(np.float32), 'TIFF'),
        (np.where(values > 0, 0.5, 0).astype(np.float32), 'TIFF'),
        (np.where(values > 0, 1e30, 0).astype(np.float32), 'TIFF'),
        (values.astype(np.int32) * -70000, 'TIFF'),
        (noise, 'PNG'),
        (noise, 'JPEG'),
        (values[:-1], 'PNG'),
        (values.T, 'PNG'),
        (values[:1, :1], 'PNG'),
        (np.dstack([noise, noise[..., :1]]), 'PNG'),
        (noise[..., :2], 'PNG'),
        (values > 0, 'PNG'),
        (values * 0, 'PNG'),
    ][rng.integers(0, 13)]
    Image.fromarray(odd).save(buffer, suffix)
    return buffer.getvalue()


def damage_token(rng: np.random.Generator, labels: Labels) -> None:
    """Replace, swap, repeat or delete words and numbers of a text, or its lines."""
    file = _any(rng, labels.files)
    text = labels.files[file]
    labels.touched |= labels.owners(file)
    tokens = [m.span() for m in re.finditer(rb'[-+.\w]+', text)]
    if file.endswith('.csv'):
        tokens = _tokens_of_a_row(rng, text, labels)
    if not tokens:
        return
    (start, end), (other, last) = sorted((_any(rng, tokens), _any(rng, tokens)))
    kind, lines = rng.integers(0, 10), text.splitlines(keepends=True)
    if kind < 6:
        text = text[:start] + _any(rng, TOKENS) + text[end:]
    elif kind == 6 and end <= other:
        text = text[:start] + text[other:last] + text[end:other] + text[start:end] + text[last:]
    elif kind == 7:
        text = text[:end] + b' ' + text[start:end] + text[end:]
    elif len(lines) > 1 and not file.endswith('.csv'):
        i = rng.integers(0, len(lines))
        lines[i : i + 1] = [lines[i]] * (2 * (kind == 8))
        text = b''.join(lines)
    labels.files[file] = text


def _tokens_of_a_row(rng: np.random.Generator, text: bytes, labels: Labels) -> list:
    """Those of one row: only its picture is touched."""
    rows = list(re.finditer(rb'(p\d\.png).*', text))
    row = _any(rng, rows)
    labels.touched = {row[1].decode()}
    return [(row.start() + a, row.start() + b) for a, b in
            (m.span() for m in re.finditer(rb'[-+.\w]+', row[0]))]  # fmt: skip


def damage_bytes(rng: np.random.Generator, labels: Labels) -> None:
    """Cut off, cut out, overwrite, repeat."""
    file = _any(rng, labels.files)
    text = labels.files[file]
    labels.touched |= labels.owners(file)
    place, other = sorted(rng.integers(0, len(text) + 1, 2).tolist())
    labels.files[file] = [
        text[:place],
        text[:place] + text[other:],
        text[:place] + bytes([rng.integers(0, 256)]) + text[place + 1 :],
        text[:place] + bytes(rng.integers(0, 256, 4).tolist()) + text[place + 4 :],
        text[:other] + text[place:],
        text[place:],
        text + text,
        text + b'\0' * 100,
        b'',
        b' \n',
        bytes(rng.integers(0, 256, 300).tolist()),
    ][rng.integers(0, 11)]


def damage_encoding(rng: np.random.Generator, labels: Labels) -> None:
    """Other line ends and encodings, of one file or of all."""
    files = [f for f in labels.files if not f.endswith('.png')]
    if not files:
        return damage_bytes(rng, labels)
    chosen = files if rng.random() < 0.3 else [_any(rng, files)]
    kind = rng.integers(0, 11)
    for file in chosen:
        text = labels.files[file]
        labels.files[file] = [
            text.replace(b'\n', b'\r\n'),
            text + b'\n\n',
            text.replace(b'\n', b'\r'),
            b'\xef\xbb\xbf' + text,
            text.decode().encode('utf-16'),
            text.decode().encode('utf-16-le'),
            text.decode().encode('utf-32'),
            text.replace(b'cell', b'c\xe9ll').replace(b'0.', b'\xe90.', 1),
            text.replace(b'cell', 'c\u00e9ll'.encode()),
            b'<?xml version="1.0" encoding="gb2312"?>' + text,
            b'<?xml version="1.0" encoding="none"?>' + text,
        ][kind]
        if kind > 2:
            labels.touched |= labels.owners(file)
    labels.same = kind < 3


def damage_place(rng: np.random.Generator, labels: Labels) -> None:
    """Folders, links and pipes where files are awaited, and files twice."""
    file = _any(rng, labels.files)
    stays = labels.files[file]
    kind = rng.integers(0, 10)

    def put(folder: Path) -> None:
        path = folder / file
        if kind == 0:
            path.unlink()
            path.mkdir()
        elif kind == 1:
            path.unlink()
            path.symlink_to('nowhere')
        elif kind == 2:
            path.unlink()
            path.symlink_to(path.name)
        elif kind == 3:
            path.unlink()
            os.mkfifo(path)
        elif kind < 6:  # loops: two of them are 2 ** 40 ways down
            (path.parent / 'loop').symlink_to('.')
            (path.parent / 'other').symlink_to('.')
        elif kind == 6:
            (folder / 'again').mkdir()
            (folder / 'again' / path.name).write_bytes(stays)
        elif kind == 7:
            (folder / f'a{path.suffix}').mkdir()
        elif kind == 8:
            (folder / f'a{path.suffix}').symlink_to('nowhere')
        else:
            os.mkfifo(folder / f'a{path.suffix}')

    labels.place = put
    if kind < 4 or kind == 6:
        labels.touched |= labels.owners(file)


def bomb(rng: np.random.Generator, labels: Labels) -> None:
    """A small file that grows."""
    file = _any(rng, labels.files)
    made = [make for suffix, make in BOMBS if file.endswith(suffix)]
    if not made:
        return damage_token(rng, labels)
    labels.touched |= labels.owners(file)
    labels.files[file] = _any(rng, made)(labels.files[file])


def _any(rng: np.random.Generator, choices):
    choices = list(choices)
    return choices[rng.integers(0, len(choices))]


WAYS = [damage_value] * 5 + [damage_token] * 3 + [damage_bytes] * 2
WAYS += [damage_encoding, damage_encoding, damage_place, bomb]


# ---- the property ----


def judge(labels: Labels, truth: dict, folder: Path, pictures: Path) -> str:
    """The outcome; one that is not of FINE begins with what is wrong."""
    try:
        found = read_any(folder, pictures)
    except InputError as error:
        message = str(error)
        if labels.same:
            return f'refused without damage: {message}'
        good = 20 < len(message) < 500 and message.isprintable()
        return 'refused' if good else f'bad message: {message!r}'
    notes, data = list(found.notes), found.data
    if not all(note.isprintable() and len(note) < 700 for note in notes):
        return f'bad note: {notes}'
    outcome = 'accepted'
    try:
        for part in {TRAIN, *found.part.values()} & {TRAIN, VAL, TEST}:
            clean, more = clean_labels(found.of(part), 'labels', str(pictures), masks=False)
            json.dumps(clean)
            notes += more
            if labels.kind.startswith('COCO'):
                data = clean
    except InputError:
        outcome = 'refused by the checks'
    if labels.kind.startswith('COCO') and outcome != 'accepted':
        return outcome
    counted = any(map(COUNT.match, notes))
    counted |= labels.kind == 'YOLO yaml' and bool(found.bare)  # a list lacks a picture: start says
    return _changed(labels, truth, data, notes, counted, folder) or (
        f'{outcome}, with a count' if counted and outcome == 'accepted' else outcome
    )


def _changed(
    labels: Labels, truth: dict, data: dict, notes: list[str], counted: bool, folder: Path
) -> str | None:
    """What is wrong with the objects."""
    first = 1 if labels.kind == 'VOC' and any(n.startswith(POINTS) for n in notes) else 0
    one_class = labels.kind.startswith('masks')
    expected = Counter(
        (name, 'object' if one_class else o['label'], *_shifted(o['box'], first))
        for name, objects in truth.items() if name not in labels.touched
        for o in objects
    )  # fmt: skip
    names = {i['id']: i['file_name'] for i in data['images']}
    kinds = {c['id']: str(c['name']) for c in data['categories']}
    read = Counter(
        (names[a['image_id']], kinds[a['category_id']], *np.round(a['bbox'], 2).tolist())
        for a in data['annotations']
        if names[a['image_id']] not in labels.touched
    )
    if (lost := expected - read) and not counted:
        return f'changed unsaid: {[*lost][:2]}, {[*read][:2]}: {notes}'
    if (more := read - expected) and not lost and labels.kind[:4] not in ('COCO', 'CSV'):
        return f'more than there was: {[*more][:2]}'
    if labels.same and (lost or more):
        return f'changed without damage: {[*lost][:2]}'
    stated = _stated(labels, folder)
    if stated > len(data['annotations']) and not counted:
        return f'left out unsaid: {stated} objects stated, {len(data["annotations"])} read'
    return None


def _shifted(box: tuple, first: int) -> list[float]:
    x, y, w, h = map(float, box)
    return [x + first, y + first, w - first, h - first]


def _stated(labels: Labels, folder: Path) -> int:
    """How many objects the files state that a plain parser reads."""
    count = 0
    for file in labels.files:
        path = folder / file
        with contextlib.suppress(Exception):
            if path.is_file() and not path.is_symlink():
                count += _stated_by(labels.kind, path)
    return count


def _stated_by(kind: str, path: Path) -> int:
    if kind.startswith('VIA'):
        entries = json.loads(path.read_bytes())['_via_img_metadata'].values()
        return sum(len(e['regions']) for e in entries)
    if kind.startswith('LabelMe'):
        shapes = json.loads(path.read_bytes())['shapes']
        return len(shapes) if not any(s.get('group_id') for s in shapes) else 0
    if kind == 'VOC':
        root = ET.parse(path).getroot()
        return len(list(root.iter('object'))) if root.tag == 'annotation' else 0
    if kind.startswith('CVAT'):
        return sum(len(image) for image in ET.parse(path).getroot().findall('image'))
    if kind.startswith('YOLO') and path.name.startswith('p'):
        return sum(bool(line.split()) for line in path.read_text('utf-8-sig').splitlines())
    if kind.startswith('CSV'):
        return len([line for line in path.read_text('utf-8-sig').split('\n')[1:] if line.strip()])
    return 0


# ---- runs ----


class Set:
    """The pictures, the truth and the sound files of all formats; made once in each process."""

    made: Set | None = None

    def __init__(self, folder: Path) -> None:
        self.pictures, self.labels = folder / 'pictures', folder / 'labels'
        shutil.rmtree(folder, ignore_errors=True)
        self.truth = writers.make_truth(self.pictures)
        self.sound = sound(self.truth, self.pictures, folder / 'made')
        taken = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY,) * 2)
        warnings.simplefilter('error', RuntimeWarning)  # numpy's, of what is not looked at


def outcomes(folder: str, seed: int) -> list[str]:
    """The format and the outcome of a seed's files."""
    ours = Set.made = Set.made or Set(Path(folder))
    rng = np.random.default_rng(seed)
    kind = _any(rng, ours.sound)
    labels = Labels(kind, dict(ours.sound[kind]))
    _any(rng, WAYS)(rng, labels)
    shutil.rmtree(ours.labels, ignore_errors=True)
    for file, content in labels.files.items():
        (ours.labels / file).parent.mkdir(parents=True, exist_ok=True)
        (ours.labels / file).write_bytes(content)
    if labels.place:
        labels.place(ours.labels)
    return [judge(labels, ours.truth, ours.labels, ours.pictures)]


def format_of(seed: int, kinds: list[str]) -> str:
    return _any(np.random.default_rng(seed), kinds)


def run(seeds: range, folder: str) -> tuple[dict[str, Counter], dict[int, str]]:
    """Counts by format and outcome, and the outcomes of the seeds that are not fine."""
    made = Path(folder) / 'kinds'
    kinds = list(sound(writers.make_truth(made), made, Path(folder) / 'made'))
    counts: dict[str, Counter] = {kind: Counter() for kind in kinds}
    faults: dict[int, str] = {}
    worker = Worker(f'{folder}/set', outcomes)
    for seed in seeds:
        [outcome] = worker.outcomes(seed)
        counts[format_of(seed, kinds)][outcome.partition(':')[0]] += 1
        if outcome not in FINE:
            faults[seed] = outcome
    worker.stop()
    return counts, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--files', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=0, help='of the first; the others follow')
    args = parser.parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        counts, faults = run(range(args.seed, args.seed + args.files), folder)
    for kind, ours in counts.items():
        print(
            f'{kind:18} {ours.total():5}  ' + ', '.join(f'{n} {o}' for o, n in ours.most_common())
        )
    for seed, outcome in list(faults.items())[:60]:
        print(f'seed {seed}: {outcome}')
    print(f'{args.files} label sets from seed {args.seed}, {time.time() - start:.0f} s')
    sys.exit(bool(faults))


if __name__ == '__main__':
    main()
