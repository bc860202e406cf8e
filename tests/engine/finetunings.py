"""Trainings of the tiny detector on a small generated data set, through a real Runner."""

import json
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from mmdet.registry import HOOKS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from demo.data_set import make_demo_set

from ..detectors import ROOT, ocrnet_config
from ..trainings import point_at


def write_data(out: Path) -> Path:
    """Four labelled pictures to train on and two to score, 64 px."""
    make_demo_set(str(out), train=4, val=2, unlabelled=0, size=64)
    return out


def make_config(
    data: Path, work_dir: Path, steps: int = 6, interval: int = 2, workers: int = 0
) -> Config:
    """configs/demo/ocrnet_demo.py with the tiny detector, two pictures a step.

    Args:
        interval: Of checkpoints and validations.
    """
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    cfg.custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)
    cfg.model = ocrnet_config()
    for head in ('bbox_head', 'mask_head'):
        cfg.model.roi_head[head].num_classes = 5
    cfg.model.test_cfg.rcnn.update(score_thr=0.0, max_per_img=3)
    cfg.val_evaluator.metric = ['bbox']
    point_at(cfg, data)
    cfg.train_dataloader.update(batch_size=2, num_workers=workers, persistent_workers=workers > 0)
    cfg.train_cfg.update(max_iters=steps, val_interval=interval)
    cfg.param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=steps)]
    cfg.default_hooks.checkpoint.interval = interval
    cfg.default_hooks.logger.interval = 1
    cfg.custom_hooks.append(dict(type='PlannedScores'))
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.work_dir = str(work_dir)
    return cfg


def start(cfg: Config, *hooks: Hook) -> Runner:
    """Run to the end. The names keep the runs of a process apart in mmengine's registers."""
    cfg.experiment_name = cfg.visualizer.name = uuid4().hex
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


class Killed(Exception):
    pass


class KillAt(Hook):
    """Ends a run where a test wants it killed: at the ``count``-th call of a hook's method."""

    priority = 'VERY_HIGH'

    def __init__(self, place: str, count: int) -> None:
        self.left = count
        setattr(self, place, self._count)

    def _count(self, runner: Runner, *args, **kwargs) -> None:
        self.left -= 1
        if not self.left:
            raise Killed


@HOOKS.register_module(force=True)
class PlannedScores(Hook):
    """Scores by the step: the real one is 0 after so few. The best is found late, and not last."""

    priority = 'HIGHEST'  # before the score is logged

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        metrics['coco/bbox_mAP'] = float(np.sin(2.5 * runner.iter / runner.max_iters))


def weights(path: Path) -> dict:
    return torch.load(path, weights_only=True)['state_dict']


def scores(work_dir: Path) -> list[float]:
    """All that were logged, in their order."""
    lines = [
        json.loads(line)
        for path in sorted(work_dir.glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return [line['coco/bbox_mAP'] for line in lines if 'coco/bbox_mAP' in line]


def best_score(path: Path) -> float:
    """As the checkpoint remembers it."""
    return torch.load(path, weights_only=True)['message_hub']['runtime_info'].get('best_score')


def names(work_dir: Path) -> set[str]:
    """Of all files that lie in the work folder itself."""
    return {path.name for path in Path(work_dir).iterdir() if path.is_file()}
