"""Pretrainings of the tiny detector on generated pictures, through a real Runner.

Started as a program, it runs a config and kills its own process after a step.
"""

import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..detectors import ROOT, ocrnet_config

SIDE = 64
# weights of terms that are off by default
VECTORS = dict(vectors=0.1, variance=0.05, covariance=0.002)


def write_pictures(folder: Path, count: int = 8, seed: int = 0) -> Path:
    """``count`` pictures of coloured discs and bars on a noisy ground, 80 x 72 px."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        image = rng.integers(90, 120, (72, 80, 3)).astype(np.uint8)
        for _ in range(4):
            x, y, r = (int(v) for v in rng.integers((10, 10, 6), (70, 62, 14)))
            colour = [int(c) for c in rng.integers(0, 255, 3)]
            if rng.random() < 0.5:
                cv2.circle(image, (x, y), r, colour, -1)
            else:
                cv2.rectangle(image, (x - r, y - r), (x + r, y + r), colour, -1)
        cv2.imwrite(str(folder / f'{i}.png'), image)
    return folder


def make_config(
    folder: Path, work_dir: Path, steps: int, detector: dict | None = None, **model
) -> Config:
    """configs/_base_/pretrain.py with the tiny detector, four pictures a step."""
    cfg = Config.fromfile(ROOT / 'configs/_base_/pretrain.py')
    cfg.custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)
    detector = detector or ocrnet_config()
    weights = VECTORS | model.pop('weights', {})  # all terms, where a test does not say otherwise
    cfg.model = dict(cfg.pretrainer, detector=detector, vector_size=16, **model)
    cfg.model.weights.update(weights)
    cfg.data_root = str(folder)
    cfg.train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.update(
        data_root=str(folder), seed=0, bad_files=f'{work_dir}/bad_pictures.txt'
    )
    _, discover, views = cfg.train_dataloader.dataset.pipeline
    discover.cache_dir, views.size = str(folder.parent / 'regions'), SIDE
    cfg.train_cfg.update(max_iters=steps, val_interval=steps + 1)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint.interval = steps
    cfg.default_hooks.logger.interval = 1
    cfg.randomness = dict(seed=0)
    cfg.work_dir = str(work_dir)
    return cfg


def small(
    folder: Path,
    work_dir: Path,
    steps: int,
    schedule: dict = dict(),
    monitor: dict = dict(),
    **model,
) -> Config:
    """Two pictures a step, no checkpoint of the training."""
    cfg = make_config(folder, work_dir, steps, **model)
    cfg.train_dataloader.batch_size = 2
    cfg.default_hooks.checkpoint.update(interval=steps + 1, save_last=False)
    cfg.default_hooks.logger.interval = 1000
    cfg.default_hooks.schedule.update(schedule)
    cfg.default_hooks.monitor.update(monitor)
    return cfg


def start(cfg: Config, *hooks: Hook) -> Runner:
    """Run to the end. The names keep the runs of a process apart in mmengine's registers."""
    cfg.experiment_name = cfg.visualizer.name = uuid4().hex
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


class Kill(Hook):
    """SIGKILL to this process after ``step`` steps, a checkpoint of that step included."""

    priority = 'LOWEST'

    def __init__(self, step: int) -> None:
        self.step = step

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        if runner.iter + 1 == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == '__main__':
    start(Config.fromfile(sys.argv[1]), Kill(int(sys.argv[2])))
