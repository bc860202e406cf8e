import json
import multiprocessing
from types import SimpleNamespace

import numpy as np
import torch

from ocrnet_mmdet.engine.peak_memory import OCRNetPeakMemoryHook, resident_peak_mb


def grown(queue):
    before = resident_peak_mb()
    np.ones(200 * 2**20, np.uint8)
    queue.put(resident_peak_mb() - before)


def test_memory_that_was_given_back_counts():
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    process = context.Process(target=grown, args=(queue,))
    process.start()
    assert 150 < queue.get(timeout=60) < 250
    process.join()


def test_on_a_gpu_the_most_before_a_reset_counts(tmp_path, monkeypatch):
    hook, runner = OCRNetPeakMemoryHook(), SimpleNamespace(work_dir=str(tmp_path))
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    hook.before_run(runner)
    for held in (300, 100):  # the logger sets CUDA's count back in between
        monkeypatch.setattr(torch.cuda, 'max_memory_allocated', lambda: held * 2**20)
        hook.after_train_iter(runner, 0)
    hook.after_run(runner)
    assert json.loads((tmp_path / 'peak_memory.json').read_text()) == dict(peak_mb=300)
