"""The detector of an arm, as what its config changes in the ``model`` of finetune.py."""

from __future__ import annotations

from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config

from ..config_tree import class_counts, settings
from ..errors import InputError, shown
from .backbone import from_random, has_imagenet
from .plan import Arm
from .source import Source

MASKS_IN_HEAD = ('mask_head', 'mask_branch', 'seg_head')


def model_changes(name: str, arm: Arm, source: Source) -> tuple[dict, bool]:
    """What an arm's ``model`` changes in finetune.py's, and whether it has masks.

    Raises:
        InputError: The detector cannot be read, or cannot start or learn as the arm says.
    """
    if not arm.config:
        own = source.finetune.model.backbone
        kept = arm.imagenet or not has_imagenet(own)
        return {} if kept else dict(backbone=from_random(own)), source.with_masks
    model = _read(name, arm)
    _check_start(name, arm, model)
    in_head = _learns_masks_in_its_head(model)
    if in_head and not source.with_masks:
        raise InputError(
            f'arm {name}: {arm.config} learns masks in its head, and the labels have none: '
            'take a detector of boxes'
        )
    _fit(model, source)
    if not arm.imagenet and has_imagenet(model.backbone):
        model.backbone.update(from_random(model.backbone))
    with_masks = in_head or (model.get('roi_head') or {}).get('mask_head')
    return dict(_delete_=True, **model.to_dict()), bool(with_masks)


def _read(name: str, arm: Arm) -> ConfigDict:
    """The ``model`` of a file, or of a config of mmdet's."""
    try:
        cfg = get_config(arm.config) if '::' in arm.config else Config.fromfile(arm.config)
        assert cfg.model.backbone and MODELS.get(cfg.model.type) is not None
    except Exception as error:  # a config is code: whatever it raises, its file is to be mended
        raise InputError(
            f"arm {name}: {arm.config} cannot be read as a detector's config "
            f'({type(error).__name__}: {shown(str(error))}): correct it, or name another'
        ) from error
    return cfg.model


def _check_start(name: str, arm: Arm, model: ConfigDict) -> None:
    """Refuse a detector that cannot start as its arm says."""
    if arm.imagenet and not has_imagenet(model.backbone):
        raise InputError(
            f'arm {name}: the backbone of {arm.config} has no ImageNet weights '
            '(init_cfg): take start: random'
        )
    if arm.stage and not (model.get('rpn_head') and model.get('roi_head')):
        raise InputError(
            f'arm {name}: {arm.config} is no two-stage detector, the stage pretrains those alone: '
            'take start: random or imagenet'
        )
    if model.get('roi_head') and not model.get('rpn_head'):
        raise InputError(
            f'arm {name}: {arm.config} ({model.type}) reads its regions from a file, which '
            'finetune.py does not name: take a detector with an rpn_head, as Faster R-CNN'
        )
    if arm.stage and not isinstance(model.roi_head.bbox_head, dict):
        raise InputError(
            f'arm {name}: {arm.config} is a cascade, the stage pretrains detectors with one box '
            'head: take start: random or imagenet'
        )


def _learns_masks_in_its_head(model: ConfigDict) -> bool:
    head = (model.get('bbox_head') or {}).get('type')
    return any(model.get(key) for key in MASKS_IN_HEAD) or 'Ins' in str(head)


def _fit(model: ConfigDict, source: Source) -> None:
    """Give a detector what finetune.py has: classes, masks or none, data, one process."""
    for _, part in class_counts(model):
        part.num_classes = len(source.finetune.train_dataloader.dataset.metainfo.classes)
    for _, _, value in settings(model):
        if isinstance(value, dict) and value.get('type') == 'SyncBN':
            value['type'] = 'BN'  # the same in one process, and on a CPU the only one of the two
    # of batches, YOLOX's random sizes: the data are those of finetune.py
    (model.get('data_preprocessor') or {}).pop('batch_augments', None)
    roi_head = model.get('roi_head') or {}
    if not source.with_masks and roi_head.get('mask_head'):
        roi_head.update(mask_head=None, mask_roi_extractor=None)
