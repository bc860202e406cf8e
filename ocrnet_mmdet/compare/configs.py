"""The config of each run: a short child of the folder's finetune.py or pretrain.py."""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path

from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config

from ..config_tree import class_counts, settings
from ..datasets.coco_file import read_coco
from ..errors import InputError, shown
from .plan import Arm, Folder, Plan
from .runs import Run

# Of our encoder: four crops give batch norm no statistics to begin with. Other backbones keep their
# batch norm: their channels may divide into no groups.
RANDOM_NORM = dict(type='GN', num_groups=8)
LEARNING = dict(frozen_stages=-1, norm_eval=False)  # of a backbone from random weights
MASKS_IN_HEAD = ('mask_head', 'mask_branch', 'seg_head')
HEAD = '# A run of tools/compare.py. By hand: python tools/train.py {file}\n_base_ = {base!r}\n'


class Source:
    """The folder that tools/start.py wrote.

    Raises:
        InputError: It is another folder, or its files are damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        if not (self.path / 'finetune.py').is_file():
            raise InputError(
                f'{path} has no finetune.py: name the folder that tools/start.py wrote '
                'with --labels'
            )
        self.finetune = Config.fromfile(self.path / 'finetune.py')
        with_stage = (self.path / 'pretrain.py').is_file()
        self.pretrain = Config.fromfile(self.path / 'pretrain.py') if with_stage else None
        self.pictures = Path(self.finetune.train_dataloader.dataset.data_root)
        self.train_file, self.val_file = (
            Path(self.finetune[f'{part}_dataloader'].dataset.ann_file) for part in ('train', 'val')
        )
        self.with_masks = 'segm' in self.finetune.val_evaluator.metric
        self.train = read_coco(str(self.train_file), str(self.pictures), 'train')
        self.val = read_coco(str(self.val_file), str(self.pictures), 'val')

    def folder(self) -> Folder:
        return Folder(
            self.path,
            len(self.train['images']),
            self.finetune.optim_wrapper.optimizer.lr,
            self.finetune.train_cfg.max_iters,
            _has_imagenet(self.finetune.model.backbone),
            self.pretrain is not None,
        )

    def pictures_without_labels(self) -> list[str]:
        """Names of those that the stage sees, below ``pictures``."""
        assert self.pretrain is not None
        return (
            Path(self.pretrain.train_dataloader.dataset.ann_file)
            .read_text(errors='surrogateescape')
            .splitlines()
        )


class Configs:
    """Writes the configs of a plan's runs.

    Attributes:
        hashes: Of each arm: of all that its runs are made from but their own settings.

    Raises:
        InputError: A detector cannot be read, or its arm's start is none that it can have.
    """

    def __init__(self, source: Source, plan: Plan, out: Path, without_labels: list[str]) -> None:
        self.source, self.out = source, out
        self.models = {name: _changes(name, arm, source) for name, arm in plan.arms.items()}
        self.without_labels = out / 'pictures_without_labels.txt'
        self.names = without_labels
        parts = [
            source.finetune.pretty_text,
            source.train_file.read_text(),
            source.val_file.read_text(),
        ]
        stage = [source.pretrain.pretty_text, *without_labels] if source.pretrain else []
        self.hashes = {
            name: hashlib.sha256(
                json.dumps([*parts, *(stage if arm.stage else []), repr(self.models[name])]).encode(
                    errors='surrogateescape'
                )
            ).hexdigest()[:12]
            for name, arm in plan.arms.items()
        }

    def folder(self, run: Run) -> Path:
        return self.out / 'runs' / f'{run.name}_{run.hash}'

    def pretrained(self, run: Run) -> Path:
        """The weights that a run starts from."""
        return self.out / 'runs' / f'{run.after}_{run.hash}' / 'work/pretrained_detector.pth'

    def write(self, run: Run, labels: Path | None, scored: Path) -> Path:
        """A run's config.

        Args:
            labels: COCO file to train on; None for the stage without labels.
            scored: COCO file to score on.
        """
        file = self.folder(run) / 'config.py'
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (
            self._pretraining(run)
            if run.trains_without_labels
            else self._finetuning(run, str(labels), str(scored))
        )
        base = self.source.path / ('pretrain.py' if run.trains_without_labels else 'finetune.py')
        lines |= dict(randomness=dict(seed=run.seed), work_dir=str(file.parent / 'work'))
        file.write_text(
            HEAD.format(file=file, base=str(base))
            + ''.join(f'{key} = {value!r}\n' for key, value in lines.items())
        )
        return file

    def _finetuning(self, run: Run, labels: str, scored: str) -> dict:
        model, masks = self.models[run.arm]
        scoring = dict(
            val_dataloader=dict(dataset=dict(ann_file=scored)),
            val_evaluator=dict(
                ann_file=scored,
                metric=['bbox', 'segm'] if masks else ['bbox'],
                outfile_prefix=str(self.folder(run) / 'results'),
            ),
        )
        after = dict(load_from=str(self.pretrained(run))) if run.after else {}
        data: dict = dict(ann_file=labels)
        if self.source.with_masks and not masks:
            data['pipeline'] = _without_masks(
                self.source.finetune.train_dataloader.dataset.pipeline
            )
        return dict(
            **(dict(model=model) if model else {}),
            **after,
            train_dataloader=dict(dataset=data),
            **scoring,
            test_dataloader=scoring['val_dataloader'],
            test_evaluator=scoring['val_evaluator'],
            train_cfg=dict(max_iters=run.steps, val_interval=run.steps),
            optim_wrapper=dict(optimizer=dict(lr=run.lr)),
            param_scheduler=_schedule(run.steps),
            default_hooks=dict(
                checkpoint=dict(
                    interval=run.steps,
                    save_best=None,
                    save_optimizer=False,
                    save_param_scheduler=False,
                ),
                logger=dict(interval=max(1, min(50, run.steps // 5))),
                peak_memory=dict(type='OCRNetPeakMemoryHook'),
            ),
        )

    def _pretraining(self, run: Run) -> dict:
        model, masks = self.models[run.arm]
        self.without_labels.write_text(
            ''.join(f'{name}\n' for name in self.names), errors='surrogateescape'
        )
        weights = {} if masks else dict(weights=dict(masks=0.0))
        lines: dict = dict(train_dataloader=dict(dataset=dict(ann_file=str(self.without_labels))))
        if model:
            lines |= dict(model=dict(detector=model, **weights))
        if run.kind == 'probe':
            lines |= dict(
                train_cfg=dict(max_iters=run.steps, val_interval=run.steps + 1),
                param_scheduler=[],
                default_hooks=dict(checkpoint=dict(interval=run.steps), logger=dict(interval=1)),
            )
        else:
            lines |= dict(default_hooks=dict(logger=dict(interval=max(1, min(50, run.steps // 5)))))
        return lines


def _schedule(steps: int) -> list[dict]:
    """finetune.py's, for another length."""
    warm_up = max(2, steps // 20)  # of one step mmengine's LinearLR keeps its first factor for ever
    rise = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up)
    fall = dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warm_up,
        end=steps,
        T_max=steps - warm_up,
        eta_min=0,
    )
    return [rise, fall] if steps > warm_up else []


def _without_masks(pipeline: list[dict]) -> list[dict]:
    """The same steps for a detector without masks: RTMDet's assigner would read them."""
    return [
        dict(step, with_mask=False) if step['type'] == 'LoadAnnotations' else dict(step)
        for step in pipeline
    ]


def _has_imagenet(backbone: ConfigDict) -> bool:
    return (backbone.get('init_cfg') or {}).get('type') == 'Pretrained'


def _from_random(backbone: ConfigDict) -> dict:
    """What makes a backbone from ImageNet weights one from random weights, of the same layers."""
    changes: dict = dict(init_cfg=None)
    # Darknet's norm_eval is True where its config says nothing
    taken = {*inspect.signature(MODELS.get(backbone.type)).parameters, *backbone}
    changes |= {name: value for name, value in LEARNING.items() if name in taken}
    norm = backbone.get('norm_cfg') or {}
    if backbone.type == 'OCRNetEncoder' and norm.get('type') == 'BN':
        changes['norm_cfg'] = RANDOM_NORM
    elif 'requires_grad' in norm:  # those of Caffe's weights are frozen
        changes['norm_cfg'] = dict(norm, requires_grad=True)
    return changes


def _changes(name: str, arm: Arm, source: Source) -> tuple[dict, bool]:
    """What an arm's ``model`` changes in finetune.py's, and whether it has masks."""
    own = source.finetune.model
    if not arm.config:
        changes = (
            {}
            if arm.imagenet or not _has_imagenet(own.backbone)
            else dict(backbone=_from_random(own.backbone))
        )
        return changes, source.with_masks
    try:
        cfg = get_config(arm.config) if '::' in arm.config else Config.fromfile(arm.config)
        model = cfg.model
        backbone = model.backbone
        assert MODELS.get(model.type) is not None
    except Exception as error:  # a config is code: whatever it raises, its file is to be mended
        raise InputError(
            f"arm {name}: {arm.config} cannot be read as a detector's config "
            f'({type(error).__name__}: {shown(str(error))}): correct it, or name another'
        ) from error
    if arm.imagenet and not _has_imagenet(backbone):
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
    for _, part in class_counts(model):
        part.num_classes = len(source.finetune.train_dataloader.dataset.metainfo.classes)
    for _, _, value in settings(model):
        if isinstance(value, dict) and value.get('type') == 'SyncBN':
            value['type'] = 'BN'  # the same in one process, and on a CPU the only one of the two
    if not arm.imagenet and _has_imagenet(backbone):
        backbone.update(_from_random(backbone))
    # of batches, YOLOX's random sizes: the data are those of finetune.py
    (model.get('data_preprocessor') or {}).pop('batch_augments', None)
    roi_head = model.get('roi_head') or {}
    if not source.with_masks and roi_head.get('mask_head'):
        roi_head.update(mask_head=None, mask_roi_extractor=None)
    in_head = any(model.get(key) for key in MASKS_IN_HEAD) or 'Ins' in str(
        (model.get('bbox_head') or {}).get('type')
    )
    if in_head and not source.with_masks:
        raise InputError(
            f'arm {name}: {arm.config} learns masks in its head, and the labels have none: '
            'take a detector of boxes'
        )
    return dict(_delete_=True, **model.to_dict()), bool(in_head or roi_head.get('mask_head'))
