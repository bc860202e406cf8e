"""Label files damaged at random: what the check accepts scores itself as AP 1, all else is a line.

python tests/stress/fuzz_labels.py --files 10000 --seed 0

Every file is valid at first and then changed in up to 3 places of its JSON tree, or in its bytes. A
process of its own checks it as tools/train.py does, with and without --skip-bad-images, loads what
was accepted as mmdet trains on it, and scores its objects as their own detections; a signal or no
end within fuzzer.LIMIT is an outcome. Printed are counts by outcome and the seeds of files of which
this does not hold; with any, the exit status is 1.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmdet.datasets.api_wrappers import COCO  # noqa: E402
from mmdet.registry import DATASETS, METRICS, TRANSFORMS  # noqa: E402
from mmengine.config import Config  # noqa: E402

import ocrnet_mmdet  # noqa: E402,F401
from ocrnet_mmdet.datasets.check_config import check_config, clean_config  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402
from tests.stress import fuzzer  # noqa: E402
from tests.stress.coco_files import NAMES, PICTURES, sound_file  # noqa: E402
from tests.stress.json_damage import damage  # noqa: E402

FINE = ('refused', 'accepted', 'refused after cleaning', 'accepted after cleaning')


# ---- files ----


def damaged_file(rng: np.random.Generator) -> bytes:
    data = sound_file(rng)
    for _ in range(rng.integers(0, 4)):
        damage(rng, data)
    text = json.dumps(data).encode()
    return _damage_bytes(rng, text) if rng.random() < 0.1 else text


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


# ---- runs ----


def _outcomes(folder: str, seed: int) -> list[str]:
    """One of the file as it is, one with --skip-bad-images."""
    rng = np.random.default_rng(seed)
    Path(folder, 'labels.json').write_bytes(damaged_file(rng))
    masks, classes = (
        bool(rng.random() < 0.7),
        tuple(rng.permutation(NAMES)[: rng.integers(2, 4)].tolist()),
    )
    return [judge(folder, masks, classes, skip) for skip in (False, True)]


def run(seeds: range, folder: str) -> tuple[fuzzer.Counts, fuzzer.Faults]:
    """Counts by outcome, and the outcomes of the seeds that are not fine."""
    (Path(folder) / 'images/night').mkdir(parents=True, exist_ok=True)
    for name, size in PICTURES.items():
        Image.new('RGB', size, 'teal').save(f'{folder}/images/{name}')
    return fuzzer.tally(seeds, fuzzer.Worker(folder, _outcomes), FINE, lambda _: 'COCO')


if __name__ == '__main__':
    fuzzer.main(__doc__, run)
