"""Scores the teacher's region vectors on labelled images during a pretraining."""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..errors import require
from .pretrainer import pretrainer_of
from .probe import Probe


@HOOKS.register_module()
class OCRNetProbeHook(Hook):
    """Logs ``probe_accuracy`` and ``probe_chance`` of a
    :class:`~ocrnet_mmdet.pretraining.probe.Probe`.

    Args:
        ann_file: COCO JSON, relative to ``data_root``; empty where there are no labels, and nothing
            is scored.
        data_root: Folder.
        img_dir: Folder of the images, relative to ``data_root``.
        size: Side of the square that each image is shown in, pixels, as in the views.
        interval: Steps between two scores.
    """

    priority = 'NORMAL'  # before LoggerHook, which prints what this one measures

    def __init__(
        self,
        ann_file: str = '',
        data_root: str = '',
        img_dir: str = '',
        size: int = 224,
        interval: int = 1000,
    ) -> None:
        self.interval = require('OCRNetProbeHook.interval', interval, int, low=1)
        self.probe = Probe(ann_file, data_root, img_dir, size) if ann_file else None

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        if not self.probe or (runner.iter + 1) % self.interval or not is_main_process():
            return
        accuracy, chance = self.probe.accuracy(pretrainer_of(runner).teacher)
        runner.message_hub.update_scalar('train/probe_accuracy', accuracy)
        runner.message_hub.update_scalar('train/probe_chance', chance)
