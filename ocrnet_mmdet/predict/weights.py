"""A checkpoint file alone -> a detector that is ready to predict."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmcv.transforms import Compose
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from torch import nn

from ..checkpoint_config import plain_config
from ..checkpoint_loader import check_file, shown_tensors, unfilled
from ..config_tree import class_counts, datasets_of
from ..engine.checkpoint_check import LEFT_OUT, PRETRAINING, fitted, teacher_weights
from ..engine.resume_check import find_checkpoint
from ..engine.trained_as import classes_of
from ..errors import InputError
from ..pretraining.export import EXPORT_NAME
from ..pretraining.slots import class_agnostic
from .regions import RegionDetector

REGION = ('region',)  # the class of what a detector without a classifier finds
META = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')


@dataclass
class Net:
    """A detector and how it wants its pictures.

    Attributes:
        model: In evaluation mode; its ``test_step`` gives ``pred_instances``.
        pipeline: From ``dict(img=...)``, (H, W, 3) uint8 BGR, to what ``test_step`` takes.
        classes: By label.
        picture_side: Longest side of the largest picture that it was trained on, pixels before
            resizing; None where nothing says it.
        key: Of weights and config: equal keys find equal things.
    """

    model: nn.Module
    pipeline: Callable[[dict], dict]
    classes: tuple[str, ...]
    picture_side: int | None
    key: str


def checkpoint_file(path: str) -> str:
    """The file that is meant by a checkpoint, or by the work folder of a training.

    Raises:
        InputError: There is none.
    """
    if Path(path).is_dir():
        handed_over = Path(path, EXPORT_NAME)
        last = str(handed_over) if handed_over.is_file() else find_checkpoint(path)[0]
        if last is None:
            raise InputError(f'{path} holds no whole checkpoint: name a .pth file')
        path = last
    check_file(path)
    return path


def load_net(file: str, config: str | None, device: str | None, min_score: float) -> Net:
    """The detector of a checkpoint.

    Args:
        file: The checkpoint.
        config: For a file that carries none.
        device: As torch names it; None takes a GPU where there is one.
        min_score: Least score of a region, of a detector without a classifier.

    Raises:
        InputError: The file has no config or another than its weights fit, or the device is not
            there.
    """
    content = CheckpointLoader.load_checkpoint(file, map_location='cpu', logger='silent')
    meta = content.get('meta', {})
    cfg = _config(file, meta, config)
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    state = content.get('state_dict', content)
    if PRETRAINING in content:  # of a pretraining's own checkpoint, which is not over
        state = teacher_weights(state)
    without_labels = PRETRAINING in content or bool(meta.get('pretrained_without_labels'))
    model_cfg = copy.deepcopy(cfg.model.get('detector', cfg.model))
    if model_cfg.get('backbone'):
        model_cfg.backbone.init_cfg = None  # weights that will be replaced need no download
    if without_labels:
        model_cfg = class_agnostic(model_cfg)
    model = revert_sync_batchnorm(MODELS.build(model_cfg))
    missing = [
        key for key in unfilled(model, state) if not (without_labels and key.startswith(LEFT_OUT))
    ]
    if missing:
        raise InputError(
            f'{file} does not fill {shown_tensors(missing)} of the model in its config: name the '
            'config that it was trained with, --config'
        )
    model.load_state_dict(fitted(model, state))
    if without_labels:
        model = RegionDetector(model, min_score, meta.get('untrained') or [])
    try:
        model.to(device or get_device()).eval()
    except (RuntimeError, AssertionError) as error:  # of torch, without a class of their own
        raise InputError(f'device {device} cannot be used: {str(error).splitlines()[0]}') from error
    steps = _pipeline(cfg)
    return Net(
        model,
        Compose(steps),
        REGION if without_labels else _classes(cfg, meta),
        _picture_side(cfg, meta),
        _key(file, steps),
    )


def _config(file: str, meta: dict, config: str | None) -> Config:
    if config is not None:
        if not Path(config).is_file():
            raise InputError(f'config {config} does not exist: name a config file')
        return Config.fromfile(config)
    try:
        return Config(plain_config(meta.get('cfg')))
    except ValueError as error:
        raise InputError(
            f'{file} carries no config that can be read: name the one that it was trained with, '
            '--config'
        ) from error


def _pipeline(cfg: Config) -> list[dict]:
    """The steps of the test data's pipeline, for a picture in memory without labels."""
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
            'the config has no test pipeline and no views: name one that has, --config'
        )
    least, most = views.area
    side = round(views.size / (least * most) ** 0.25)
    return [
        dict(type='mmdet.LoadImageFromNDArray'),
        dict(type='mmdet.Resize', scale=(side, side), keep_ratio=True),
        dict(type='mmdet.PackDetInputs', meta_keys=META),
    ]


def _classes(cfg: Config, meta: dict) -> tuple[str, ...]:
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    named = classes_of(meta) or classes_of(next(datasets_of(loader)).get('metainfo') or {})
    if named:
        return named
    counts = [part.num_classes for _, part in class_counts(cfg.model)]
    return tuple(f'class {i}' for i in range(max(counts, default=1)))


def _picture_side(cfg: Config, meta: dict) -> int | None:
    """Longest side of the largest picture that a training had, or was scored on."""
    if meta.get('picture_side'):
        return int(meta['picture_side'])
    for name in ('test_dataloader', 'val_dataloader', 'train_dataloader'):
        for dataset in datasets_of(cfg.get(name)):
            path = Path(dataset.get('data_root') or '', dataset.get('ann_file') or '')
            try:
                images = json.loads(path.read_bytes())['images']
                return max(max(i['width'], i['height']) for i in images)
            except (OSError, ValueError, KeyError, TypeError):
                continue  # it is on another machine, or no COCO JSON: nothing says it
    return None


def _key(file: str, steps: list[Any]) -> str:
    digest = hashlib.sha256(Path(file).expanduser().read_bytes())
    digest.update(repr(steps).encode())
    return digest.hexdigest()[:16]
