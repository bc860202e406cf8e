"""The pipeline by which a trained detector takes a picture in memory."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from mmengine.config import Config

from .config_tree import datasets_of
from .errors import InputError

META = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')


def picture_pipeline(cfg: Config) -> list[dict]:
    """The steps of the test data's pipeline, for a picture in memory without labels.

    They take ``dict(img=...)``, (H, W, 3) uint8 BGR. Of a pretraining, which has no test data, they
    bring pictures to the size at which it saw them.

    Raises:
        InputError: The config has no such pipeline, or one of other pictures.
    """
    steps = copy.deepcopy(scored_steps(cfg))
    if not steps:
        return _views_pipeline(cfg)
    load, *others = steps
    if _kind(load) != 'LoadImageFromFile' or load.get('color_type', 'color') != 'color':
        raise InputError(
            f"the config's test pipeline begins with {dict(load)}: predictions begin with "
            'a LoadImageFromFile of colour pictures'
        )
    load = dict(type='mmdet.LoadImageFromNDArray', to_float32=load.get('to_float32', False))
    return [load, *(step for step in others if not _kind(step).endswith('Annotations'))]


def scored_steps(cfg: dict, first: str = 'test') -> list[dict]:
    """The pipeline of the test data, or of the validation's where a config has none.

    Args:
        first: Which is looked for first, ``test`` or ``val``.
    """
    names = ('test', 'val') if first == 'test' else ('val', 'test')
    return next(filter(None, (_steps(cfg.get(f'{name}_dataloader')) for name in names)), [])


def resize_of(steps: Iterable[dict]) -> tuple[tuple[int, int], bool] | None:
    """The scale (W, H) of a pipeline's resizing, pixels, and whether it keeps the ratio."""
    for step in steps:
        scale = step.get('scale')
        if _kind(step) == 'Resize' and scale:
            wide, high = (scale, scale) if isinstance(scale, (int, float)) else scale
            return (int(wide), int(high)), bool(step.get('keep_ratio'))
    return None


def _steps(loader: dict | None) -> list[dict]:
    """Of a loader's first data set that has some."""
    pipelines = (dataset.get('pipeline') for dataset in datasets_of(loader))
    return next(filter(None, pipelines), [])


def _kind(step: dict) -> str:
    kind = step.get('type')
    return (kind if isinstance(kind, str) else getattr(kind, '__name__', '')).rpartition('.')[2]


def _views_pipeline(cfg: Config) -> list[dict]:
    """Pictures at the size at which a pretraining saw them: of a view's side for its share."""
    steps = _steps(cfg.get('train_dataloader'))
    views = next((step for step in steps if step.get('size') and step.get('area')), None)
    if views is None:
        raise InputError(
            'the config has no test pipeline and no views: name a checkpoint whose config has '
            'one; tools/predict.py takes a config too, --config'
        )
    least, most = views['area']
    side = round(views['size'] / (least * most) ** 0.25)
    return [
        dict(type='mmdet.LoadImageFromNDArray'),
        dict(type='mmdet.Resize', scale=(side, side), keep_ratio=True),
        dict(type='mmdet.PackDetInputs', meta_keys=META),
    ]
