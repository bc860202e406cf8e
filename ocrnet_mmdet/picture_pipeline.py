"""The pipeline by which a trained detector takes a picture in memory."""

from __future__ import annotations

import copy

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
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        return _views_pipeline(cfg)
    load, *others = copy.deepcopy(next(datasets_of(loader)).pipeline)
    if _kind(load) != 'LoadImageFromFile' or load.get('color_type', 'color') != 'color':
        raise InputError(
            f"the config's test pipeline begins with {dict(load)}: predictions begin with "
            'a LoadImageFromFile of colour pictures'
        )
    load = dict(type='mmdet.LoadImageFromNDArray', to_float32=load.get('to_float32', False))
    return [load, *(step for step in others if not _kind(step).endswith('Annotations'))]


def _kind(step: dict) -> str:
    kind = step.get('type')
    return (kind if isinstance(kind, str) else getattr(kind, '__name__', '')).rpartition('.')[2]


def _views_pipeline(cfg: Config) -> list[dict]:
    """Pictures at the size at which a pretraining saw them: of a view's side for its share."""
    steps = next(datasets_of(cfg.train_dataloader)).pipeline
    views = next((step for step in steps if step.get('size') and step.get('area')), None)
    if views is None:
        raise InputError(
            'the config has no test pipeline and no views: name a checkpoint whose config has '
            'one; tools/predict.py takes a config too, --config'
        )
    least, most = views.area
    side = round(views.size / (least * most) ** 0.25)
    return [
        dict(type='mmdet.LoadImageFromNDArray'),
        dict(type='mmdet.Resize', scale=(side, side), keep_ratio=True),
        dict(type='mmdet.PackDetInputs', meta_keys=META),
    ]
