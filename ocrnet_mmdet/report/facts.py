"""What only the run itself knows: what it began with, on which machine, and what it took.

Kept as ``TIME/run.json`` in the work folder, so that the page can be made again.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mmcv
import mmdet
import mmengine
import torch
from mmengine.runner import Runner

from .. import __version__
from ..datasets.underneath import picture_count, underneath
from ..engine.terminal import pictures_a_step, summary
from ..evenly import evenly
from ..whole_file import whole_file

FACTS = 'run.json'
SHOWN = 6  # pictures of a pretraining whose regions are drawn


def facts_file(runner: Runner) -> Path:
    """Where the facts of a run lie."""
    return Path(runner.work_dir, runner.timestamp, FACTS)


def write_facts(runner: Runner, facts: dict) -> None:
    """Keep them.

    Raises:
        OSError: They cannot be written.
    """
    with whole_file(facts_file(runner)) as part:
        part.write_text(json.dumps(facts, indent=1), encoding='utf-8')


def begun(runner: Runner) -> dict[str, Any]:
    """Of a run whose first step comes next."""
    dataset = runner.train_loop.dataloader.dataset
    loops = dict(train=runner.train_loop, val=runner.val_loop)
    return dict(
        started=time.time(),
        folder=os.getcwd(),
        first_step=runner.iter,
        first_epoch=runner.epoch,
        seed=runner.seed,
        load_from=runner._load_from and str(runner._load_from),
        resumed=bool(runner._resume),
        pictures_a_step=pictures_a_step(runner),
        summary={name: text for name, text in summary(runner) if text},
        data={name: counts(loop.dataloader.dataset) for name, loop in loops.items() if loop},
        shown=_spread_pictures(dataset),
        versions=dict(
            ocrnet_mmdet=__version__,
            mmdet=mmdet.__version__,
            mmengine=mmengine.__version__,
            mmcv=mmcv.__version__,
            torch=torch.__version__,
            Python=platform.python_version(),
        ),
        machine=f'{platform.system()} {platform.machine()}, {os.cpu_count()} cores',
    )


def counts(dataset: Any) -> dict[str, Any]:
    """Pictures of a data set; objects in all and by class too, where its pictures say them.

    Each counts once, however often a wrapper draws it.
    """
    known: dict[str, Any] = dict(pictures=picture_count(dataset))
    metainfo = getattr(dataset, 'metainfo', None)  # a list where joined data sets differ
    names = metainfo.get('classes') or () if isinstance(metainfo, dict) else ()
    names = [names] if isinstance(names, str) else names
    if not names or not hasattr(dataset, 'get_data_info'):
        return known
    labels = Counter(
        _labels(one.get_data_info(i) for one in underneath(dataset) for i in range(len(one)))
    )
    if not labels:
        return known
    by_class = {str(name): labels[i] for i, name in enumerate(names)}
    return dict(known, objects=sum(by_class.values()), by_class=by_class)


def _labels(pictures: Iterable[dict]) -> Iterable[int]:
    for picture in pictures:
        for instance in picture.get('instances') or ():
            if not instance.get('ignore_flag'):
                yield instance['bbox_label']


def _spread_pictures(dataset: Any) -> list[str]:
    """Some of an image folder's files, from the first to the last; none of other data."""
    if not hasattr(dataset, 'path'):
        return []
    return [os.path.abspath(dataset.path(i)) for i in evenly(len(dataset), SHOWN)]
