"""Trainings and scorings of the tiny detector on a few generated pictures, through a real Runner."""
from pathlib import Path
from uuid import uuid4

from mmengine.config import Config
from mmengine.runner import Runner

from ocrnet_mmdet.datasets.own_data import apply_knobs

from .detectors import ROOT, shrink

SHAPES = ('star', 'ring', 'cross', 'leaf', 'crescent')  # of the demo set
GN = dict(type='GN', num_groups=4, requires_grad=True)


def make_config(data: Path, work_dir: Path, **knobs) -> Config:
    """configs/demo/ocrnet_demo.py narrowed, two steps of two pictures."""
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    model = shrink(cfg.model)
    model.backbone.update(width=0.25, norm_cfg=GN)
    model.neck.update(in_channels=[16, 32, 64, 128], out_channels=16, norm_cfg=GN)
    model.rpn_head.update(in_channels=16, feat_channels=16, norm_cfg=GN)
    model.roi_head.mask_head.norm_cfg = GN
    apply_knobs(cfg, dict(data_root=f'{data}/', classes=SHAPES, batch_size=2) | knobs)
    cfg.train_cfg.update(max_iters=2, val_interval=3)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint.update(interval=2, save_best=None)
    cfg.work_dir = str(work_dir)
    return cfg


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
