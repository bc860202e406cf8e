"""Whether the numbers and switches of a config can be meant."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from .config_tree import settings
from .errors import InputError, require, shown

# Numbers whose name says what they are, wherever they stand: what fits, as errors.require has it.
WHOLE: dict[str, dict[str, Any]] = dict(
    batch_size=dict(low=1),
    base_batch_size=dict(low=1),
    num_workers=dict(low=0),
    prefetch_factor=dict(low=1),
    accumulative_counts=dict(low=1),
    max_iters=dict(low=1),
    max_epochs=dict(low=1),
    val_interval=dict(low=1),
    seed=dict(low=0, high=2**32 - 1),
    interval=dict(low=-1),
    max_keep_ckpts=dict(low=-1),
    begin=dict(low=0),
    end=dict(low=1),
    T_max=dict(low=1),
    max_per_img=dict(low=-1),
    nms_pre=dict(low=-1),
    frozen_stages=dict(low=-1),
)
REAL: dict[str, dict[str, Any]] = dict(
    lr=dict(low=0),
    weight_decay=dict(low=0),
    max_norm=dict(above=0),
    loss_weight=dict(low=0),
    eta_min=dict(low=0),
    start_factor=dict(above=0, high=1),
    end_factor=dict(low=0),
    score_thr=dict(low=0, high=1),
    iou_threshold=dict(low=0, high=1),
    mask_thr_binary=dict(low=-1, high=1),
    pos_fraction=dict(low=0, high=1),
    min_bbox_size=dict(low=-1),
)
FLAGS = {
    'resume',
    'persistent_workers',
    'drop_last',
    'pin_memory',
    'deterministic',
    'diff_rank_seed',
    'enable',
    'norm_eval',
    'with_cp',
    'keep_ratio',
    'by_epoch',
    'save_last',
    'test_mode',
    'with_mask',
    'with_bbox',
    'cudnn_benchmark',
    'shuffle',
    'class_agnostic',
    'reg_class_agnostic',
    'bgr_to_rgb',
    'pad_mask',
}
MAY_BE_NONE = {'prefetch_factor', 'seed', 'eta_min'}


def check_values(cfg: Config) -> None:
    """Look at what mmengine and mmdet take as it comes, some of it first at the first validation.

    Raises:
        InputError: A number or a switch cannot be meant: an infinite rate, a batch of no picture.
    """
    for path, name, value in settings(cfg.to_dict()):
        _check_value(path, name, value)
    window = (cfg.get('log_processor') or {}).get('window_size', 10)  # elsewhere it may be 'epoch'
    require('log_processor.window_size', window, int, low=1)
    for name in ('load_from', 'work_dir'):
        if not isinstance(cfg.get(name), (str, type(None))):
            raise InputError(f'{name} is {cfg[name]!r}: give a path, in quotes if it is a number')


def _check_value(path: str, name: object, value: object) -> None:
    if isinstance(value, (dict, list)) or value is None and name in MAY_BE_NONE:
        return
    if name in WHOLE:
        require(path, value, int, **WHOLE[name])
    elif name in REAL:
        require(path, value, **REAL[name])
    elif name in FLAGS and not isinstance(value, bool):
        raise InputError(f'{path} is {shown(repr(value), 60)}: give True or False')
