"""A checkpoint file alone -> a detector that is ready to predict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from ..config_tree import datasets_of
from ..errors import InputError
from ..picture_pipeline import picture_pipeline
from ..trained_detector import read_detector
from .regions import RegionDetector

REGION = ('region',)  # the class of what a detector without a classifier finds


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
    trained = read_detector(file, config)
    model = trained.build()
    if trained.without_labels:
        model = RegionDetector(model, min_score, trained.meta.get('untrained') or [])
    try:
        model.to(device or get_device())
    except (RuntimeError, AssertionError) as error:  # of torch, without a class of their own
        raise InputError(f'device {device} cannot be used: {str(error).splitlines()[0]}') from error
    steps = picture_pipeline(trained.cfg)
    return Net(
        model.eval(),
        Compose(steps),
        REGION if trained.without_labels else trained.classes,
        _picture_side(trained.cfg, trained.meta),
        _key(file, trained.model_cfg, steps),
    )


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


def _key(file: str, *config: object) -> str:
    digest = hashlib.sha256(Path(file).expanduser().read_bytes())
    digest.update(repr(config).encode())
    return digest.hexdigest()[:16]
