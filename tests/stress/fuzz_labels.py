"""Label files damaged at random: what the check accepts scores itself as AP 1, all else is a line.

python tests/stress/fuzz_labels.py --files 10000 --seed 0

Every file is valid at first and then changed in 1 to 3 places, in its JSON tree or in its bytes. A
process of its own checks it as tools/train.py does, with and without --skip-bad-images, loads what
was accepted as mmdet trains on it, and scores its objects as their own detections; a signal or no
end within LIMIT is an outcome. Printed are counts by outcome and the seeds of files of which this
does not hold; with any, the exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gc
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmdet.datasets.api_wrappers import COCO  # noqa: E402
from mmdet.registry import DATASETS, METRICS, TRANSFORMS  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.logging import MMLogger  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402

import ocrnet_mmdet  # noqa: E402,F401
from ocrnet_mmdet.datasets.check_config import check_config, clean_config  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402

LIMIT = 20  # seconds for a file
NAMES = ('car', 'bus', 'red van')
PICTURES = {'a.png': (60, 40), 'b.png': (33, 47), 'night/c.png': (64, 64)}  # width, height
FINE = ('refused', 'accepted', 'refused after cleaning', 'accepted after cleaning')


# ---- files ----


def sound_file(rng: np.random.Generator) -> dict:
    """A valid COCO file, of polygons, run lengths in both forms, or of all."""
    kinds = rng.choice(['polygons', 'list', 'string', 'all', 'all'])
    names = list(PICTURES)[: rng.integers(1, 4)]
    images = [
        dict(id=7 + i, file_name=name, width=PICTURES[name][0], height=PICTURES[name][1])
        for i, name in enumerate(names)
    ]
    annotations = [
        _object(rng, image, kinds) for image in images for _ in range(rng.integers(1, 6))
    ]
    for i, annotation in enumerate(annotations):
        annotation['id'] = i + 1
    categories = [dict(id=i + 1, name=name, supercategory='') for i, name in enumerate(NAMES)]
    return dict(info=dict(year=2026), images=images, annotations=annotations, categories=categories)


def _object(rng: np.random.Generator, image: dict, kinds: str) -> dict:
    width, height = rng.integers(4, 25, 2).tolist()
    x, y = rng.integers(-2, image['width'] - 4).item(), rng.integers(-2, image['height'] - 4).item()
    outline = [x, y, x + width, y, x + width, y + height, x, y + height]
    kind = rng.choice(['polygons', 'list', 'string']) if kinds == 'all' else kinds
    segmentation = [outline] if kind == 'polygons' else _run_lengths(outline, image, kind)
    return dict(
        id=0,
        image_id=image['id'],
        category_id=rng.integers(1, 4).item(),
        bbox=[x, y, width, height],
        area=width * height,
        iscrowd=int(rng.random() < 0.05),
        segmentation=segmentation,
    )


def _run_lengths(outline: list, image: dict, kind: str) -> dict:
    mask = coco_mask.frPyObjects([outline], image['height'], image['width'])[0]
    if kind == 'string':
        return dict(size=mask['size'], counts=mask['counts'].decode())
    pixels = coco_mask.decode(mask).T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels]))).tolist()
    return dict(size=mask['size'], counts=np.diff([0, *edges, len(pixels)]).tolist())


# ---- damage ----


def _nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


ODD = [
    None,
    True,
    False,
    0,
    1,
    2,
    -1,
    0.5,
    1e-9,
    1e9,
    1e12,
    -1e9,
    1e308,
    2**31,
    2**53 + 2,
    2**63,
    2**64,
    10**400,
    float('nan'),
    float('inf'),
    -float('inf'),
    '',
    '0',
    '1',
    'car',
    'text',
    'a\0',
    '\ud800',
    '\x1b[31m\nx',
    'x' * 3000,
    [],
    {},
    [[]],
    [1],
    [0, 0, 0, 0],
    [1, 2, 3, 4, 5, 6],
    [[1, 2, 3, 4]],
    [[5, 5, 20, 5, 20, 20]],
    [[1e9, 0, 5, 5, 0, 9]],
    [[float('nan')] * 6],
    [['1'] * 6],
    dict(size=[40, 60], counts=[0, 5, 2395]),
    dict(counts='0' * 500),
    dict(a=1),
    _nested(60),
]


def _places(node: object) -> Iterator[tuple[dict | list, str | int]]:
    """Every place in a JSON tree, as what holds it and its key."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        yield node, key
        if isinstance(child, (dict, list)):
            yield from _places(child)


def _changed(rng: np.random.Generator, value: object) -> object:
    """A value near another."""
    if isinstance(value, bool) or value is None:
        return rng.integers(0, 3).item()
    if isinstance(value, (int, float)):
        kind = rng.integers(0, 7)
        try:
            return [
                -value,
                value * 10,
                value * 1e6,
                value + 0.5,
                str(value),
                float(value),
                value + 1,
            ][kind]
        except OverflowError:
            return 0
    if isinstance(value, str) and value:
        place = rng.integers(0, len(value))
        letter = chr(rng.choice([48, 49, 79, 80, 111, 112, 32, 0, 233, rng.integers(48, 112)]))
        return [
            value[:place] + letter + value[place + 1 :],
            value[:place],
            value * 2,
            value.upper(),
            value[:place] + letter * 50,
        ][rng.integers(0, 5)]
    if isinstance(value, list) and value:
        place = rng.integers(0, len(value))
        return [
            value[:place],
            value[::-1],
            value * 2,
            value + [copy.deepcopy(value[place])],
            [value],
            value * 50,
            value[place:],
            value[:place] + [0] + value[place:],
        ][rng.integers(0, 8)]
    return value if not isinstance(value, dict) else {key: value[key] for key in reversed(value)}


def damage(rng: np.random.Generator, data: dict) -> None:
    """Change one place of a JSON tree, most often in an object's entry."""
    places = list(_places(data))
    node, key = places[rng.integers(0, len(places))]
    kind = rng.integers(0, 10)
    if kind < 4:
        node[key] = copy.deepcopy(ODD[rng.integers(0, len(ODD))])
    elif kind < 7:
        node[key] = _changed(rng, node[key])
    elif kind == 7:
        del node[key]
    elif kind == 8:
        other, place = places[rng.integers(0, len(places))]
        node[key] = copy.deepcopy(other[place])
    elif isinstance(node, list):
        node.insert(rng.integers(0, len(node) + 1), copy.deepcopy(node[key]))
    else:
        node[
            rng.choice(
                ['ignore', 'id', 'iscrowd', 'bbox', 'segmentation', 'name', 'score', 'caption']
            )
        ] = 1


def _damage_bytes(rng: np.random.Generator, text: bytes) -> bytes:
    place, other = sorted(rng.integers(0, len(text), 2).tolist())
    return [
        text[:place],
        text[:place] + text[other:],
        text[:place] + bytes([rng.integers(0, 256)]) + text[place + 1 :],
        b'\xef\xbb\xbf' + text,
        text.decode().encode('utf-16'),
        text.replace(b'"id"', b'"id": 1, "id"', 1),
        text.replace(b': 2026', b': ' + b'[' * 5000 + b']' * 5000),
        text.replace(b'10', b'9' * 5000, 1),
        b'',
        text.replace(b'"bbox"', b'"segmentation"', 1),
    ][rng.integers(0, 10)]


def damaged_file(rng: np.random.Generator) -> bytes:
    data = sound_file(rng)
    for _ in range(rng.integers(0, 4)):
        damage(rng, data)
    text = json.dumps(data).encode()
    return _damage_bytes(rng, text) if rng.random() < 0.1 else text


# ---- the property ----


def config(folder: str, masks: bool, classes: tuple[str, ...]) -> Config:
    steps = [dict(type='LoadAnnotations', with_bbox=True, with_mask=masks)]
    dataset = dict(
        type='CocoDataset',
        data_root=folder,
        data_prefix=dict(img='images/'),
        ann_file='labels.json',
        metainfo=dict(classes=classes),
        pipeline=steps,
    )
    return Config(
        dict(
            work_dir=f'{folder}/work',
            model=dict(test_cfg=dict(rcnn=dict(max_per_img=1000))),
            train_dataloader=dict(dataset=dataset),
            val_dataloader=dict(dataset=dict(dataset, test_mode=True)),
            val_evaluator=dict(
                type='CocoMetric',
                ann_file=f'{folder}/labels.json',
                metric=['bbox', 'segm'][: 1 + masks],
            ),
        )
    )


def judge(folder: str, masks: bool, classes: tuple[str, ...], skip: bool) -> str:
    """The outcome of a file; one that is not of FINE begins with what is wrong."""
    cfg = config(folder, masks, classes)
    after = ' after cleaning' * skip
    try:
        notes = clean_config(cfg, cfg.work_dir) if skip else []
        notes += check_config(cfg)
    except InputError as error:
        message = str(error)
        good = len(message) < 500 and message.isprintable() and len(message) > 20
        return f'refused{after}' if good else f'bad message: {message!r}'
    if not all(note.isprintable() and len(note) < 500 for note in notes):
        return f'bad note: {notes}'
    return _learnt(cfg, notes, masks) or _scored(cfg, masks) or f'accepted{after}'


def _learnt(cfg: Config, notes: list[str], masks: bool) -> str | None:
    """What is wrong with the training, by mmdet's own reading of the file."""
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))
    load = TRANSFORMS.build(cfg.train_dataloader.dataset.pipeline[0])
    trained = 0
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        loaded = load(dict(info, ori_shape=(info['height'], info['width'])))
        trained += int((~loaded['gt_ignore_flags']).sum())
    data = COCO(dataset.ann_file)
    ids = data.get_cat_ids(cat_names=dataset.metainfo['classes'])
    objects = sum(a['category_id'] in ids for a in data.dataset['annotations'])
    found = re.search(r': (\d+) of \d+ objects are not trained', '\n'.join(notes))
    said = int(found[1]) if found else 0
    if objects - trained == said:
        return None
    return f'left out unsaid: {objects} objects, {trained} trained, {said} said'


def _scored(cfg: Config, masks: bool) -> str | None:
    """What is wrong with the score of the objects as their own detections, by mmdet's metric."""
    metric = METRICS.build(cfg.val_evaluator)
    dataset = DATASETS.build(dict(cfg.val_dataloader.dataset, pipeline=[]))
    metric.dataset_meta = dataset.metainfo
    truth = COCO(cfg.val_evaluator.ann_file)
    ids = truth.get_cat_ids(cat_names=dataset.metainfo['classes'])
    if len(ids) != len(dataset.metainfo['classes']):
        return 'classes that mmdet does not find'
    results = []
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        found = [
            a
            for a in truth.load_anns(truth.get_ann_ids(img_ids=[info['img_id']], cat_ids=ids))
            if not a['iscrowd']
        ]
        boxes = np.array([a['bbox'] for a in found], float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        prediction = dict(
            img_id=info['img_id'],
            bboxes=boxes,
            scores=np.ones(len(found)),
            labels=np.array([ids.index(a['category_id']) for a in found], int),
        )
        if masks:
            prediction['masks'] = [dict(truth.annToRLE(a)) for a in found]
        results.append(
            (dict(width=info['width'], height=info['height'], img_id=info['img_id']), prediction)
        )
    scores = metric.compute_metrics(results)
    low = {
        name: scores[name]
        for name in ('bbox_mAP', 'segm_mAP')[: 1 + masks]
        if scores.get(name) != 1
    }
    return f'AP below 1: {low}' if low else None


# ---- processes ----


def _serve(pipe, folder: str, judged: Callable[[str, int], list[str]]) -> None:
    sys.stdout = open(os.devnull, 'w')
    os.dup2(sys.stdout.fileno(), 1)
    init_default_scope('mmdet')
    MMLogger.get_instance('fuzz', log_level='ERROR')
    gc.freeze()  # mmengine collects garbage for each data set: 0.5 s, with all of torch to look at
    while True:
        seed = pipe.recv()
        try:
            pipe.send(judged(folder, seed))
        except BaseException:
            lines = traceback.format_exc().strip().splitlines()
            place = next(
                (line.strip() for line in reversed(lines) if line.strip().startswith('File')), ''
            )
            pipe.send([f'traceback: {lines[-1][:200]} ({place[-90:]})'])


def _outcomes(folder: str, seed: int) -> list[str]:
    """One of the file as it is, one with --skip-bad-images."""
    rng = np.random.default_rng(seed)
    Path(folder, 'labels.json').write_bytes(damaged_file(rng))
    masks, classes = (
        bool(rng.random() < 0.7),
        tuple(rng.permutation(NAMES)[: rng.integers(2, 4)].tolist()),
    )
    return [judge(folder, masks, classes, skip) for skip in (False, True)]


class Worker:
    """A process that judges files, replaced where it ends or does not.

    Args:
        folder: Of the files.
        judged: Makes the file of a seed in the folder and says its outcomes.
    """

    def __init__(self, folder: str, judged: Callable[[str, int], list[str]]) -> None:
        self.folder, self.judged = folder, judged
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context('fork')
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, self.folder, self.judged), daemon=True
        )
        self.process.start()
        theirs.close()

    def outcomes(self, seed: int) -> list[str]:
        """Of the file of a seed."""
        self.pipe.send(seed)
        try:
            if self.pipe.poll(LIMIT):
                return self.pipe.recv()
            outcome = f'no end within {LIMIT} s'
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            outcome = f'signal {signal.Signals(-code).name}' if code < 0 else f'exit {code}'
        self.stop()
        self._start()
        return [outcome]

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def run(seeds: range, folder: str) -> tuple[Counter, dict[int, str]]:
    """Counts by outcome, and the outcomes of the seeds that are not fine."""
    counts, faults = Counter(), {}
    (Path(folder) / 'images/night').mkdir(parents=True, exist_ok=True)
    for name, size in PICTURES.items():
        Image.new('RGB', size, 'teal').save(f'{folder}/images/{name}')
    worker = Worker(folder, _outcomes)
    for seed in seeds:
        for outcome in worker.outcomes(seed):
            counts[outcome.partition(':')[0]] += 1
            if outcome not in FINE:
                faults[seed] = outcome
    worker.stop()
    return counts, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--files', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=0, help='of the first file; the others follow')
    args = parser.parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        counts, faults = run(range(args.seed, args.seed + args.files), folder)
    for outcome, count in counts.most_common():
        print(f'{count:7} {outcome}')
    for seed, outcome in list(faults.items())[:40]:
        print(f'seed {seed}: {outcome}')
    print(f'{args.files} files from seed {args.seed}, {time.time() - start:.0f} s')
    sys.exit(bool(faults))


if __name__ == '__main__':
    main()
