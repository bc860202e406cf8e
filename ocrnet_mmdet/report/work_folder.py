"""A training as its work folder holds it: config, log of scalars, facts and detections.

A resumed training has one ``TIME`` folder a start. Of a step that several have, the last one's
scalars count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config_tree import as_list, datasets_of
from ..engine.coco_metric import is_coco_metric
from ..errors import InputError
from .facts import FACTS
from .hook import DETECTIONS

SCALARS = 'vis_data/scalars.json'
CONFIG = 'vis_data/config.py'


@dataclass(frozen=True)
class ValFiles:
    """Where the scored labels and their pictures lie."""

    ann_file: Path
    img_dir: Path


@dataclass(frozen=True)
class Training:
    """What a work folder says.

    Attributes:
        name: To call it by beside another.
        cfg: As it was resolved; empty where none was written.
        facts: Of each start, see facts.py; empty dicts of starts that left none.
        train: Logged scalars by step.
        val: Scores by step.
        seconds: That its starts took, by what their files say.
    """

    folder: Path
    name: str
    cfg: Config
    facts: list[dict[str, Any]]
    train: dict[int, dict[str, float]]
    val: dict[int, dict[str, float]]
    seconds: float

    @property
    def fact(self) -> dict[str, Any]:
        """Of the last start."""
        return self.facts[-1] if self.facts else {}

    @property
    def without_labels(self) -> bool:
        """Whether it is a pretraining."""
        return bool((self.cfg.get('model') or {}).get('detector'))

    @property
    def steps(self) -> int:
        """The last one that was logged."""
        return max([*self.train, *self.val], default=0)

    @property
    def planned(self) -> int | None:
        """Steps of the whole training, None where they are counted in epochs."""
        return (self.cfg.get('train_cfg') or {}).get('max_iters')

    def curve(self, name: str) -> list[tuple[float, float]]:
        """(step, value) of a scalar."""
        rows = self.val if any(name in row for row in self.val.values()) else self.train
        return [(step, row[name]) for step, row in sorted(rows.items()) if name in row]

    def detections(self) -> dict[str, Path]:
        """Files of the last validation's, by ``bbox`` and ``segm``."""
        files = {kind: self.folder / f'{DETECTIONS}.{kind}.json' for kind in ('bbox', 'segm')}
        wanted = {str(m) for e in self._evaluators() for m in as_list(e.get('metric', 'bbox'))}
        return {kind: file for kind, file in files.items() if file.is_file() and kind in wanted}

    def last_checkpoint(self) -> str:
        """Name of the file that mmengine resumes from; empty where there is none."""
        file = self.folder / 'last_checkpoint'
        name = Path(file.read_text().strip()).name if file.is_file() else ''
        return name if name and (self.folder / name).is_file() else ''

    def val_files(self) -> ValFiles | None:
        """None where the validation reads no COCO JSON, or one that is gone."""
        files = [e.ann_file for e in self._evaluators() if e.get('ann_file')]
        datasets = list(datasets_of(self.cfg.get('val_dataloader')))
        if len(files) != 1 or len(datasets) != 1:
            return None
        root, prefix = datasets[0].get('data_root') or '', datasets[0].get('data_prefix') or {}
        found = ValFiles(self._path(files[0]), self._path(root, prefix.get('img') or ''))
        return found if found.ann_file.is_file() else None

    def classes(self) -> list[str]:
        """Of the scored data; empty where the config does not say."""
        for dataset in datasets_of(self.cfg.get('val_dataloader')):
            return [str(name) for name in as_list((dataset.get('metainfo') or {}).get('classes'))]
        return []

    def _evaluators(self) -> Iterator[Any]:
        yield from (e for e in as_list(self.cfg.get('val_evaluator')) if is_coco_metric(e))

    def _path(self, *parts: str) -> Path:
        """Of the config, which counts from the folder that the training was started in."""
        return Path(os.path.join(self.fact.get('folder', ''), *parts))


def read_training(folder: str | Path) -> Training:
    """Everything that a work folder says of its training.

    Raises:
        InputError: It holds none, or its files cannot be read.
    """
    folder = Path(folder)
    configs = {path.parent.parent: _config(path) for path in sorted(folder.glob(f'*/{CONFIG}'))}
    starts = [start for start, cfg in configs.items() if cfg.get('train_cfg')]  # not a test's
    if not starts:
        raise InputError(
            f'{folder} holds no training: name the work folder that tools/train.py wrote to, '
            f'with TIME/{CONFIG} in it'
        )
    facts = {start: _json(start / FACTS) for start in starts}
    anew = [start for start in starts if facts[start] and not facts[start].get('resumed', True)]
    starts = starts[starts.index(anew[-1]) :] if anew else starts
    train: dict[int, dict[str, float]] = {}
    val: dict[int, dict[str, float]] = {}
    for start in starts:
        by_epoch = 'max_iters' not in configs[start].train_cfg  # then validations count epochs
        train = _up_to(train, facts[start].get('first_step'))
        val = _up_to(val, facts[start].get('first_epoch' if by_epoch else 'first_step'))
        for row in _rows(start / SCALARS):
            (train if 'lr' in row else val)[int(row['step'])] = row
    return Training(
        folder=folder,
        name=folder.resolve().name,
        cfg=configs[starts[-1]],
        facts=[facts[start] for start in starts],
        train=train,
        val=val,
        seconds=sum(_seconds(start, facts[start]) for start in starts),
    )


def _up_to(rows: dict[int, dict], last: int | None) -> dict[int, dict]:
    """Those that a resumed training goes on from; all where it does not say from where."""
    return {step: row for step, row in rows.items() if last is None or step <= last}


def _config(file: Path) -> Config:
    try:
        return Config.fromfile(str(file))
    except Exception as error:  # it is a program, which may raise anything
        raise InputError(f'{file} is no config ({error}): give it back as it was') from error


def _json(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text()) if file.is_file() else {}
    except ValueError as error:
        raise InputError(f'{file} is damaged ({error}): remove it') from error


def _rows(file: Path) -> Iterator[dict[str, float]]:
    """Whole lines; a kill may have cut off the last one."""
    for line in file.read_text().splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and 'step' in row:
            yield row


def _seconds(start: Path, facts: dict[str, Any]) -> float:
    """From the first step to the end, or to the last line of the log where it has none."""
    begun = facts.get('started', (start / CONFIG).stat().st_mtime)
    scalars = start / SCALARS
    ended = facts.get('ended', scalars.stat().st_mtime if scalars.is_file() else begun)
    return max(0.0, ended - begun)
