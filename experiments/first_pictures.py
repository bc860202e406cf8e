"""The first pictures that get labels: drawn at random, or named by tools/start.py --first.

Arms: ``random``; ``first``.
"""

from dataclasses import replace
from pathlib import Path

from mmengine.runner import Runner

from ocrnet_mmdet.compare.subsets import split_images
from ocrnet_mmdet.datasets.coco_file import keep_images
from ocrnet_mmdet.start import ENCODER
from ocrnet_mmdet.suggest.first import choose

from .data_sets import DATA_SETS, training_json
from .finetuning import last_scores, make_config
from .places import step_seconds
from .records import ROOT, SCORES, Run
from .subsets import HELD_OUT, HELD_OUT_SEED


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Choose ``count`` pictures of a ``pool`` (a share of the training pictures, drawn by seed),
    train on them from ImageNet's weights, score on held-out training pictures.

    ``measured`` has the number of objects in the chosen pictures.
    """
    held, rest = split_images(training_json(data_root, run.data), HELD_OUT, HELD_OUT_SEED)
    size = round(run.options['pool'] * len(rest['images']))
    pool = split_images(rest, size, run.seed)[0]
    few = _chosen(run, pool, data_root)
    runner = Runner.from_cfg(make_config(replace(run, options=None), data_root, out, (few, held)))
    runner.train()
    return dict(
        {key: value for key, value in last_scores(runner).items() if key in SCORES},
        measured=dict(objects=len(few['annotations'])),
        step_seconds=step_seconds(runner),
    )


def _chosen(run: Run, pool: dict, data_root: Path) -> dict:
    """The pool's part that the arm labels."""
    count = run.options['count']
    if run.arm == 'random':
        return split_images(pool, count, run.seed)[0]
    ids = {image['file_name']: image['id'] for image in pool['images']}
    folder = data_root / run.data / DATA_SETS[run.data].layout[2]
    chosen, _ = choose(folder, list(ids), count, ROOT / 'configs' / ENCODER)
    return keep_images(pool, {ids[name] for name in chosen})
