"""Label files of all formats damaged at random: a line, or nothing of the others' objects changes.

python tests/stress/fuzz_formats.py --files 10000 --seed 0

A data set of four pictures is written in a format, and one place of it is damaged: a value, a
token, bytes, an encoding, what the file is on the disk, or it holds a bomb. A process of its own
reads it as tools/start.py does and checks the result as training would, within fuzzer.LIMIT and
MEMORY. What may come out is an InputError of one line, or labels of which the pictures that were
not touched have all their objects as they were; objects fewer than the files state need a line
that counts. Where the damage changes nothing (line ends), nothing may change.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ocrnet_mmdet.datasets.clean import clean_labels  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402
from ocrnet_mmdet.labels import TEST, TRAIN, VAL, read_any  # noqa: E402
from tests.labels import truth as writers  # noqa: E402
from tests.stress import fuzzer  # noqa: E402
from tests.stress.label_damage import WAYS, any_of  # noqa: E402
from tests.stress.label_sets import Labels, sound  # noqa: E402

MEMORY = 2 * 2**30  # bytes beyond what a process that has just started takes
COUNT = re.compile(r'\d+ ')  # begins a line that counts what was left out or mended
POINTS = 'boxes: taken as points between pixels'
FINE = ('refused', 'refused by the checks', 'accepted', 'accepted, with a count')


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
    kind = any_of(rng, ours.sound)
    labels = Labels(kind, dict(ours.sound[kind]))
    any_of(rng, WAYS)(rng, labels)
    shutil.rmtree(ours.labels, ignore_errors=True)
    for file, content in labels.files.items():
        (ours.labels / file).parent.mkdir(parents=True, exist_ok=True)
        (ours.labels / file).write_bytes(content)
    if labels.place:
        labels.place(ours.labels)
    return [judge(labels, ours.truth, ours.labels, ours.pictures)]


def format_of(seed: int, kinds: list[str]) -> str:
    return any_of(np.random.default_rng(seed), kinds)


def run(seeds: range, folder: str) -> tuple[fuzzer.Counts, fuzzer.Faults]:
    """Counts by format and outcome, and the outcomes of the seeds that are not fine."""
    made = Path(folder) / 'kinds'
    kinds = list(sound(writers.make_truth(made), made, Path(folder) / 'made'))
    worker = fuzzer.Worker(f'{folder}/set', outcomes)
    return fuzzer.tally(seeds, worker, FINE, lambda seed: format_of(seed, kinds))


if __name__ == '__main__':
    fuzzer.main(__doc__, run)
