"""Trainings and scorings of the tiny detector on a few pictures, through a real Runner."""

from pathlib import Path
from uuid import uuid4

from mmengine.config import Config
from mmengine.runner import Runner

from ocrnet_mmdet.config_tree import LOADERS

from .detectors import ROOT, shrink

SHAPES = ('star', 'ring', 'cross', 'leaf', 'crescent')  # of the demo set
GN = dict(type='GN', num_groups=4, requires_grad=True)


def make_config(
    data: Path,
    work_dir: Path,
    classes: tuple[str, ...] = SHAPES,
    with_mask: bool = True,
    image_scale: int = 160,
) -> Config:
    """configs/demo/ocrnet_demo.py narrowed, two steps of two pictures."""
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    model = shrink(cfg.model)
    model.backbone.update(width=0.25, norm_cfg=GN)
    model.neck.update(in_channels=[16, 32, 64, 128], out_channels=16, norm_cfg=GN)
    model.rpn_head.update(in_channels=16, feat_channels=16, norm_cfg=GN)
    model.roi_head.mask_head.norm_cfg = GN
    point_at(cfg, data, classes)
    cfg.train_dataloader.batch_size = 2
    for head in ('bbox_head', 'mask_head'):
        model.roi_head[head].num_classes = len(classes)
    if not with_mask:
        without_masks(cfg)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == 'Resize':
            step.scale = (image_scale, image_scale)
    cfg.train_cfg.update(max_iters=2, val_interval=3)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint.update(interval=2, save_best=None)
    cfg.work_dir = str(work_dir)
    return cfg


def point_at(cfg: Config, data: Path, classes: tuple[str, ...] = SHAPES) -> None:
    """Give a config of COCO data the demo set in ``data``."""
    for loader in LOADERS:
        cfg[loader].dataset.update(data_root=f'{data}/', metainfo=dict(classes=classes))
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.ann_file = f'{data}/annotations/val.json'


def without_masks(cfg: Config) -> None:
    cfg.model.roi_head.update(mask_head=None, mask_roi_extractor=None)
    for loader in LOADERS:
        for step in cfg[loader].dataset.pipeline:
            if step.type == 'LoadAnnotations':
                step.with_mask = False
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.metric = ['bbox']


def runner_of(cfg: Config, **changes) -> Runner:
    """The name keeps runs of the same second apart in mmengine's registers."""
    cfg.update(changes)
    cfg.experiment_name = uuid4().hex
    return Runner.from_cfg(cfg)


def scorer_of(cfg: Config, checkpoint: Path | str, **changes) -> Runner:
    """As tools/test.py makes it."""
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        cfg[name] = None
    return runner_of(cfg, load_from=str(checkpoint), **changes)
