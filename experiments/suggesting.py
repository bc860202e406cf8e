"""A round of labelling: a start on a few pictures, more of them chosen by an arm, all over again.

Arms: ``random``; ``suggested``, as tools/predict.py --suggest does.
"""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.runner import Runner

from ocrnet_mmdet.compare.subsets import split_images
from ocrnet_mmdet.datasets.coco_file import keep_images
from ocrnet_mmdet.predict import Predictor
from ocrnet_mmdet.predict.records import Records
from ocrnet_mmdet.predict.sources import Input
from ocrnet_mmdet.suggest.pick import pick
from ocrnet_mmdet.suggest.scan import scan
from ocrnet_mmdet.suggest.unsure import LEAST

from .data_sets import DATA_SETS, training_json
from .finetuning import last_scores, make_config
from .places import step_seconds, work_dir, write_json
from .records import SCORES, Run
from .subsets import HELD_OUT, HELD_OUT_SEED


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Train on ``start`` pictures of a pool of ``pool``, choose ``more``, train on all of these
    from ImageNet's weights, score on held-out training pictures.

    Arms of a set and seed share the start and what it finds. ``measured`` has the start's scores
    and the number of objects in the chosen pictures.
    """
    sizes = run.options
    held, rest = split_images(training_json(data_root, run.data), HELD_OUT, HELD_OUT_SEED)
    pool = split_images(rest, sizes['pool'], run.seed)[0]
    first = split_images(pool, sizes['start'], run.seed)[0]
    places = data_root, out
    start = replace(run, arm='start', steps=sizes['start_steps'])
    scores = work_dir(start, out) / 'scores.json'
    if not scores.exists():
        write_json(last_scores(_train(start, (first, held), *places)), scores)
    chosen = _chosen(run, pool, first, work_dir(start, out), data_root)
    both = keep_images(pool, {image['id'] for image in first['images']} | chosen)
    runner = _train(run, (both, held), *places)
    results = last_scores(runner)
    return dict(
        {key: value for key, value in results.items() if key in SCORES},
        measured=dict(
            start=json.loads(scores.read_text())['bbox_mAP'],
            objects=sum(a['image_id'] in chosen for a in pool['annotations']),
        ),
        step_seconds=step_seconds(runner),
    )


def _train(run: Run, parts: tuple[dict, dict], data_root: Path, out: Path) -> Runner:
    cfg = make_config(replace(run, options=None), data_root, out, parts)
    cfg.experiment_name = run.arm  # two trainings of one process
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def _chosen(run: Run, pool: dict, first: dict, start: Path, data_root: Path) -> set[int]:
    """Ids of the pictures that the arm labels next."""
    ids = {image['file_name']: image['id'] for image in pool['images']}
    known = {image['file_name'] for image in first['images']}
    more = run.options['more']
    if run.arm == 'random':
        left = sorted(ids.keys() - known)
        return {ids[name] for name in random.Random(run.seed).sample(left, more)}
    folder = data_root / run.data / DATA_SETS[run.data].layout[2]
    seen = scan(
        Predictor(start, score=LEAST, tile=0),
        [Input(name, str(folder / name)) for name in ids],
        Records(start / 'scan', {}),
    )
    labelled = np.array([name in known for name in seen.names])
    picks = pick(seen.vectors, seen.unsure, labelled, more, seen.prints)
    return {ids[seen.names[one.index]] for one in picks}
