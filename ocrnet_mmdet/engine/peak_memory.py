"""The most memory that a training held."""

from __future__ import annotations

import json
import re
import resource
import sys
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

PEAK_MEMORY_FILE = 'peak_memory.json'
STATUS = Path('/proc/self/status')


@HOOKS.register_module()
class OCRNetPeakMemoryHook(Hook):
    """Writes ``dict(peak_mb)`` to ``peak_memory.json`` in the run's work folder at its end.

    On a GPU what torch held of its memory at most; on a CPU the process's own resident size, its
    validation included and without the data loaders' workers.
    """

    priority = 'NORMAL'  # before LoggerHook, which sets CUDA's count back

    def before_run(self, runner: Runner) -> None:
        self.held = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict = dict()
    ) -> None:
        if torch.cuda.is_available():
            self.held = max(self.held, torch.cuda.max_memory_allocated())

    def after_run(self, runner: Runner) -> None:
        if torch.cuda.is_available():
            peak = max(self.held, torch.cuda.max_memory_allocated()) / 2**20
        else:
            peak = resident_peak_mb()
        file = Path(runner.work_dir) / PEAK_MEMORY_FILE
        file.write_text(json.dumps(dict(peak_mb=round(peak))))


def resident_peak_mb() -> float:
    """MB of 2**20 bytes that this process held at most.

    Linux's ``VmHWM``: what getrusage says there is no less than the parent held at the start.
    """
    if STATUS.is_file() and (found := re.search(r'VmHWM:\s*(\d+) kB', STATUS.read_text())):
        return int(found[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == 'darwin' else 1024)
