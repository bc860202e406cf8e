"""A checkpoint file alone -> the detector that was trained, its config and its classes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from .checkpoint_config import plain_config
from .checkpoint_loader import check_file, shown_tensors, unfilled
from .config_tree import class_counts, datasets_of
from .engine.checkpoint_check import LEFT_OUT, PRETRAINING, fitted, teacher_weights
from .engine.resume_check import find_checkpoint
from .engine.trained_as import classes_of
from .errors import InputError
from .pretraining.export import EXPORT_NAME
from .pretraining.slots import class_agnostic

FIX = 'name a checkpoint that tools/train.py wrote; tools/predict.py takes a config too, --config'


@dataclass
class TrainedDetector:
    """What a checkpoint holds of a detector.

    Attributes:
        file: The checkpoint.
        cfg: Of the training.
        model_cfg: The detector's, of a pretraining that of what it hands over.
        state: The weights.
        meta: The checkpoint's.
        without_labels: Whether it is of a pretraining, which leaves no classifier.
    """

    file: str
    cfg: Config
    model_cfg: ConfigDict
    state: dict[str, Tensor]
    meta: dict
    without_labels: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by label: the checkpoint's, else the config's, else numbered ones."""
        loader = self.cfg.get('test_dataloader') or self.cfg.get('val_dataloader')
        dataset = next(datasets_of(loader), ConfigDict())
        named = classes_of(self.meta) or classes_of(dataset.get('metainfo') or {})
        if named:
            return named
        counts = [part.num_classes for _, part in class_counts(self.cfg.model)]
        return tuple(f'class {i}' for i in range(max(counts, default=1)))

    def need_classifier(self) -> None:
        """Raise InputError unless there is one: a pretraining leaves none."""
        if self.without_labels:
            raise InputError(
                f'{self.file} is of a pretraining, which leaves no classifier: name a checkpoint '
                'of fine-tuning'
            )

    def build(self) -> nn.Module:
        """The detector with its weights, on the CPU in evaluation mode.

        Raises:
            InputError: The file does not fill it.
        """
        model_cfg = copy.deepcopy(self.model_cfg)
        if model_cfg.get('backbone'):
            model_cfg.backbone.init_cfg = None  # weights that will be replaced need no download
        if self.without_labels:
            model_cfg = class_agnostic(model_cfg)
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        missing = [
            key
            for key in unfilled(model, self.state)
            if not (self.without_labels and key.startswith(LEFT_OUT))
        ]
        if missing:
            raise InputError(
                f'{self.file} does not fill {shown_tensors(missing)} of the model in its config: '
                + FIX
            )
        model.load_state_dict(fitted(model, self.state))
        return model.eval()


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


def read_detector(file: str, config: str | None = None) -> TrainedDetector:
    """The detector of a checkpoint.

    Args:
        file: The checkpoint.
        config: For a file that carries none.

    Raises:
        InputError: The file cannot be read, or there is no config.
    """
    content = CheckpointLoader.load_checkpoint(file, map_location='cpu', logger='silent')
    meta = content.get('meta', {})
    cfg = _config(file, meta, config)
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    state = content.get('state_dict', content)
    if PRETRAINING in content:  # of a pretraining's own checkpoint, which is not over
        state = teacher_weights(state)
    return TrainedDetector(
        file,
        cfg,
        cfg.model.get('detector', cfg.model),
        state,
        meta,
        PRETRAINING in content or bool(meta.get('pretrained_without_labels')),
    )


def _config(file: str, meta: dict, config: str | None) -> Config:
    if config is not None:
        if not Path(config).is_file():
            raise InputError(f'config {config} does not exist: name a config file')
        return Config.fromfile(config)
    try:
        return Config(plain_config(meta.get('cfg')))
    except ValueError as error:
        raise InputError(f'{file} carries no config that can be read: {FIX}') from error
