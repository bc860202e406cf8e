"""The checks of clean.py for every COCO data set that a config names, and its class counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mmdet.datasets import CocoDataset
from mmdet.evaluation import CocoMetric
from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict

from ..errors import InputError
from .clean import check_dataset, write_clean
from .own_data import EVALUATORS, LOADERS, datasets_of

# parts whose num_classes is no count of the data set's: 1, ImageNet's, COCO stuff's
OTHER_CLASSES = ('rpn_head', 'backbone', 'semantic_head')


@dataclass
class _Source:
    """A COCO data set of a config: where it stands, its resolved paths and class names."""
    loader: str
    cfg: ConfigDict
    ann_file: str
    img_dir: str
    classes: tuple[str, ...]

    @property
    def masks(self) -> bool:
        return any(step.get('with_mask') for step in self.cfg.get('pipeline') or [])

    @property
    def polygons(self) -> bool:
        """Whether masks have to be polygons: to be trained on, for they are scored as the JSON has them."""
        return self.loader == LOADERS[0] and any(
            step.get('with_mask') and not step.get('poly2mask', True)
            for step in self.cfg.get('pipeline') or [])


def _join(root: str | None, path: str) -> str:
    """mmengine's rule for data_root: it precedes paths that are not absolute."""
    return os.path.join(root or '', path)


def _sources(cfg: Config) -> Iterator[_Source]:
    """The data sets that read local COCO files as CocoDataset does, wrappers opened."""
    for loader in LOADERS:
        for dataset in datasets_of(cfg.get(loader)):
            kind = dataset.get('type')
            kind = DATASETS.get(kind) if isinstance(kind, str) else kind
            reads_coco = (isinstance(kind, type) and issubclass(kind, CocoDataset)
                          and kind.load_data_list is CocoDataset.load_data_list
                          and kind.parse_data_info is CocoDataset.parse_data_info)
            if not reads_coco or dataset.get('backend_args'):
                continue
            ann_file = _join(dataset.get('data_root'), dataset.get('ann_file') or '')
            if '://' in ann_file:
                continue
            img_dir = _join(dataset.get('data_root'),
                            (dataset.get('data_prefix') or {}).get('img', ''))
            classes = tuple(kind._load_metainfo(dataset.get('metainfo'))['classes'])
            yield _Source(loader, dataset, ann_file, img_dir, classes)


def _as_list(value: object) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _class_counts(node: ConfigDict, key: str = 'model') -> Iterator[tuple[str, int]]:
    """Every ``num_classes`` of a model config that counts its objects' classes, with its key."""
    for name, child in node.items():
        if name == 'num_classes':
            yield f'{key}.{name}', child
        elif name not in OTHER_CLASSES:
            parts = [(f'{key}.{name}', child)]
            if isinstance(child, (list, tuple)):
                parts = [(f'{key}.{name}.{i}', part) for i, part in enumerate(child)]
            for place, part in parts:
                if isinstance(part, dict):
                    yield from _class_counts(part, place)


def _check_class_counts(cfg: Config, source: _Source) -> None:
    count = len(source.classes)
    wrong = {key: n for key, n in _class_counts(cfg.get('model') or {}) if n != count}
    if wrong:
        came = ', '.join(f'{key} is {n}' for key, n in wrong.items())
        fix = ' '.join(f'{key}={count}' for key in wrong)
        raise InputError(f'{came}, but {source.loader} has {count} classes: '
                         f'set --cfg-options {fix}')


def check_config(cfg: Config) -> list[str]:
    """Check every COCO data set of a config and the class counts of its heads.

    Pictures are not decoded; a file that several loaders share is read once.

    Returns:
        Notes worth a line in the log each; most often none.

    Raises:
        InputError: At the first defect.
    """
    notes, seen = [], set()
    for source in _sources(cfg):
        _check_class_counts(cfg, source)
        evaluators = _as_list(cfg.get(source.loader.replace('dataloader', 'evaluator')))
        labelled = not any(e.get('format_only') for e in evaluators)
        scored = labelled and any(e.get('type') in ('CocoMetric', CocoMetric) for e in evaluators)
        job = (source.ann_file, source.img_dir, source.classes, source.masks, source.polygons, scored)
        if job in seen:
            continue
        seen.add(job)
        notes += check_dataset(source.ann_file, source.img_dir, source.classes, source.loader,
                               masks=source.masks, polygons=source.polygons,
                               labelled=labelled, scored=scored)
    return notes


def clean_config(cfg: Config, work_dir: str) -> list[str]:
    """Point a config at cleaned copies of its annotation files, written into ``work_dir``.

    Evaluators that name one of these files are pointed at its copy too. With several processes
    only one should call it, or each in turn.

    Returns:
        One line for every kind of defect that was left out or mended.
    """
    report, copies = [], {}
    for source in _sources(cfg):
        job = (os.path.abspath(source.ann_file), os.path.abspath(source.img_dir))
        if job not in copies:
            name = f'clean_{len(copies)}_{os.path.basename(source.ann_file)}'
            copies[job] = os.path.abspath(os.path.join(work_dir, name))
            report += [f'{source.ann_file}: {line}' for line in
                       write_clean(source.ann_file, source.img_dir, copies[job])]
        source.cfg.ann_file = copies[job]
    by_file = {ann_file: copy for (ann_file, _), copy in copies.items()}
    for name in EVALUATORS:
        for evaluator in _as_list(cfg.get(name)):
            given = evaluator.get('ann_file')
            if given and os.path.abspath(given) in by_file:
                evaluator.ann_file = by_file[os.path.abspath(given)]
    return report
