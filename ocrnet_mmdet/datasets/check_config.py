"""The checks of clean.py for every COCO data set that a config names, and its class counts."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict

from ..config_tree import LOADERS, as_list, class_counts, datasets_of
from ..engine.coco_metric import count_all, detections_caps, is_coco_metric
from ..errors import LINE, InputError, shown
from .category_order import in_order, reordered
from .clean import check_labels, write_clean
from .coco_file import read_coco, write_json
from .label_notes import crowded, left_out
from .object_sizes import misfits


@dataclass
class _Source:
    """A COCO data set of a config: its place, evaluators, resolved paths and class names."""

    loader: str
    cfg: ConfigDict
    evaluators: list[ConfigDict]
    ann_file: str
    img_dir: str
    classes: tuple[str, ...]

    @property
    def labelled(self) -> bool:
        return not any(e.get('format_only') for e in self.evaluators)

    @property
    def scored(self) -> bool:
        return self.labelled and any(is_coco_metric(e) for e in self.evaluators)

    @property
    def masks(self) -> bool:
        trained = any(step.get('with_mask') for step in self.cfg.get('pipeline') or [])
        return (
            trained
            or self.scored
            and any('segm' in as_list(e.get('metric')) for e in self.evaluators)
        )

    @property
    def polygons(self) -> bool:
        """Whether masks have to be polygons: to be trained on; scored they are as in the JSON."""
        return self.loader == LOADERS[0] and any(
            step.get('with_mask') and not step.get('poly2mask', True)
            for step in self.cfg.get('pipeline') or []
        )


def _join(root: str | None, path: str) -> str:
    """mmengine's rule for data_root: it precedes paths that are not absolute."""
    return os.path.join(root or '', path)


def _sources(cfg: Config) -> Iterator[_Source]:
    """The data sets that read local COCO files as CocoDataset does, wrappers opened."""
    for loader in LOADERS:
        for dataset in datasets_of(cfg.get(loader)):
            kind: Any = dataset.get('type')
            kind = DATASETS.get(kind) if isinstance(kind, str) else kind
            reads_coco = (
                inspect.isclass(kind)
                and issubclass(kind, CocoDataset)
                and all(
                    getattr(kind, name) is getattr(CocoDataset, name)
                    for name in ('load_data_list', 'parse_data_info')
                )
            )
            if not reads_coco or dataset.get('backend_args'):
                continue
            ann_file = _join(dataset.get('data_root'), dataset.get('ann_file') or '')
            if '://' in ann_file:
                continue
            img_dir = _join(
                dataset.get('data_root'), (dataset.get('data_prefix') or {}).get('img', '')
            )
            classes = tuple(map(str, kind._load_metainfo(dataset.get('metainfo'))['classes']))
            yield _Source(loader, dataset, _evaluators(cfg, loader), ann_file, img_dir, classes)


def _check_class_counts(cfg: Config, source: _Source) -> None:
    count = len(source.classes)
    counts = {
        f'{key}.num_classes': part.num_classes for key, part in class_counts(cfg.get('model') or {})
    }
    wrong = {key: n for key, n in counts.items() if n != count}
    if wrong:
        came = ', '.join(f'{key} is {shown(n)}' for key, n in wrong.items())
        fix = ' '.join(f'{key}={count}' for key in wrong)
        raise InputError(
            f'{came}, but {source.loader} has {count} classes: set --cfg-options {fix}'
        )


def check_config(cfg: Config) -> list[str]:
    """Check every COCO data set of a config and the class counts of its heads.

    Pictures are not decoded; a file that several loaders share is read once. A data set whose file
    has its categories in another order than the config, or its evaluator, is pointed at a copy in
    ``cfg.work_dir`` that has the config's; an evaluator counts as many detections as the model
    returns.

    Returns:
        Notes worth a line in the log each; most often none.

    Raises:
        InputError: At the first defect.
    """
    notes: list[str] = []
    seen: dict[tuple, str | None] = {}
    pictures: dict[str, set[str]] = {}
    for source in _sources(cfg):
        _check_class_counts(cfg, source)
        job = (
            source.ann_file,
            source.img_dir,
            source.classes,
            source.masks,
            source.polygons,
            source.labelled,
            source.scored,
        )
        if job not in seen:
            more, seen[job], names = _check_source(cfg, source, len(seen))
            notes += more + _seen_in_training(source, names, pictures)
            pictures.setdefault(source.loader, set()).update(names)
        if copy := seen[job]:
            _lead_to(cfg, source, copy)
    notes += count_all(cfg, [e for loader in LOADERS for e in _evaluators(cfg, loader)])
    return [shown(note, LINE) for note in notes]


def _check_source(
    cfg: Config, source: _Source, number: int
) -> tuple[list[str], str | None, set[str]]:
    """Notes on a data set, its copy with the config's class order or None, its pictures' paths."""
    data = read_coco(source.ann_file, source.img_dir, source.loader)
    place = f'{source.loader}: {shown(source.ann_file, 160)}'
    notes, objects = check_labels(
        data,
        place,
        source.img_dir,
        source.classes,
        source.masks,
        source.polygons,
        source.labelled,
        source.scored,
    )
    notes += crowded(objects, place, detections_caps(cfg.get('model') or {}))
    if source.loader == LOADERS[0] or source.scored:
        notes += left_out(objects, place, source.scored)
    if source.loader == LOADERS[0]:
        notes += misfits(
            objects.boxes[objects.trained],
            objects.sizes[objects.trained],
            source.cfg.get('pipeline') or [],
            place,
        )
    names = {os.path.abspath(os.path.join(source.img_dir, i['file_name'])) for i in data['images']}
    keep_ids = not source.labelled
    if in_order(data['categories'], source.classes, keep_ids):
        return notes, None, names
    copy = os.path.abspath(
        os.path.join(cfg.work_dir, f'classes_{number}_{os.path.basename(source.ann_file)}')
    )
    write_json(reordered(data, source.classes, keep_ids), copy)
    notes.append(
        f'{place}: its categories stand, or are numbered, in another order than the '
        f"config's classes: read from a copy in their order, {copy}"
    )
    return notes, copy, names


def _seen_in_training(source: _Source, names: set[str], pictures: dict[str, set[str]]) -> list[str]:
    """A line where pictures to be scored are trained on."""
    both = names & pictures.get(LOADERS[0], set()) if source.loader != LOADERS[0] else set()
    return (
        [
            f'{source.loader}: {len(both)} of its {len(names)} pictures are in {LOADERS[0]} too, '
            f'the first {shown(min(both))}: the score says little of new pictures'
        ]
        if both
        else []
    )


def _lead_to(cfg: Config, source: _Source, copy: str) -> None:
    """Point a data set at a copy of its annotation file, and its evaluators that name the file."""
    for evaluator in _evaluators(cfg, source.loader):
        given = evaluator.get('ann_file')
        if given and os.path.abspath(given) == os.path.abspath(source.ann_file):
            evaluator.ann_file = copy
    source.cfg.ann_file = copy
    source.cfg.metainfo = dict(source.cfg.get('metainfo') or {}, classes=source.classes)


def _evaluators(cfg: Config, loader: str) -> list[ConfigDict]:
    return as_list(cfg.get(loader.replace('dataloader', 'evaluator')))


def clean_config(cfg: Config, work_dir: str) -> list[str]:
    """Point a config at cleaned copies of its annotation files, written into ``work_dir``.

    Evaluators that name one of these files are pointed at its copy too. With several processes
    only one should call it, or each in turn.

    Returns:
        One line for every kind of defect that was left out or mended.
    """
    report: list[str] = []
    copies: dict[tuple[str, str], str] = {}
    sources = list(_sources(cfg))
    for source in sources:
        job = (os.path.abspath(source.ann_file), os.path.abspath(source.img_dir))
        if job not in copies:
            name = f'clean_{len(copies)}_{os.path.basename(source.ann_file)}'
            copies[job] = os.path.abspath(os.path.join(work_dir, name))
            masks = any(s.masks for s in sources if os.path.abspath(s.ann_file) == job[0])
            report += [
                f'{source.ann_file}: {line}'
                for line in write_clean(source.ann_file, source.img_dir, copies[job], masks=masks)
            ]
        _lead_to(cfg, source, copies[job])
    return [shown(line, LINE) for line in report]
