"""Speed, memory and parameters of a detector as ratios against another one, in one process.

Both models see the same random pictures and the same boxes; every measurement alternates between
them, so that a change of the machine's pace meets both. Weights are random: the score threshold is
set to 0, so that each draws its full 100 detections and their masks, as on a crowded picture.
"""
import ctypes
import gc
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from torch import nn

CLASSES = 80
OBJECTS = 10  # a picture; COCO's mean is 7.3


def compare(configs: dict[str, Config], size: int, batch: int, repeats: int, device: str) -> dict:
    """Latency and training step (seconds, median), peak memory (MiB) and parameters (millions) of
    each.

    Args:
        configs: Name to config; each holds ``model``.
        size: Side of the square pictures, pixels.
        batch: Pictures of a training step; inference takes one.
        repeats: Measurements of each model.
        device: ``cpu`` or ``cuda``.
    """
    models = {name: _build(cfg, device) for name, cfg in configs.items()}
    result = {name: dict(parameters=sum(p.numel() for p in model.parameters()) / 1e6)
              for name, model in models.items()}
    for kind, make in dict(inference=_inference, training=_training).items():
        steps = {name: make(model, size, batch) for name, model in models.items()}
        seconds = {name: [] for name in steps}
        memory = {name: [] for name in steps}
        for i in range(repeats + 1):
            for name, step in steps.items():
                time_taken, peak = _measure(step, device)
                if i:  # the first round warms up
                    seconds[name].append(time_taken)
                    memory[name].append(peak)
        for name in steps:
            result[name][f'{kind}_seconds'] = statistics.median(seconds[name])
            result[name][f'{kind}_peak_mib'] = statistics.median(memory[name])
    return result


def ratios(result: dict, ours: str, theirs: str) -> dict[str, float]:
    """Ours over theirs for each measured figure."""
    return {key: round(result[ours][key] / result[theirs][key], 3) for key in result[ours]}


def machine(device: str) -> dict:
    """What the figures were measured on."""
    name = torch.cuda.get_device_name() if device == 'cuda' else platform.machine()
    return dict(device=name, threads=torch.get_num_threads(), torch=torch.__version__,
                python=platform.python_version())


def _build(cfg: Config, device: str) -> nn.Module:
    torch.manual_seed(0)
    cfg.model.backbone.init_cfg = None
    cfg.model.test_cfg.rcnn.score_thr = 0.0
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.to(device)


def _inputs(size: int, batch: int) -> dict:
    np.random.seed(0)
    torch.manual_seed(0)
    return demo_mm_inputs(batch, [[3, size, size]] * batch, num_items=[OBJECTS] * batch,
                          num_classes=CLASSES, with_mask=True)


def _inference(model: nn.Module, size: int, batch: int) -> Callable[[], None]:
    data = _inputs(size, 1)

    def step() -> None:
        model.eval()
        with torch.no_grad():
            model.test_step(dict(data, data_samples=[s.clone() for s in data['data_samples']]))

    return step


def _training(model: nn.Module, size: int, batch: int) -> Callable[[], None]:
    data = _inputs(size, batch)

    def step() -> None:
        model.train()
        inputs = model.data_preprocessor(
            dict(data, data_samples=[s.clone() for s in data['data_samples']]), True)
        model.parse_losses(model(**inputs, mode='loss'))[0].backward()
        model.zero_grad(set_to_none=True)

    return step


def _measure(step: Callable[[], None], device: str) -> tuple[float, float]:
    """Seconds of one step, and MiB that it needed at its peak on top of what was there."""
    if device == 'cuda':
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    else:
        gc.collect()
        ctypes.CDLL('libc.so.6').malloc_trim(0)  # what the step before freed is not in use
        Path('/proc/self/clear_refs').write_text('5')  # resets VmHWM to the present
        before = _status('VmRSS')
    start = time.perf_counter()
    step()
    if device == 'cuda':
        torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated()
    seconds = time.perf_counter() - start
    if device != 'cuda':
        peak = _status('VmHWM')
    return seconds, (peak - before) / 2**20


def _status(key: str) -> int:
    """A figure of this process from Linux's /proc/self/status, bytes."""
    line = next(row for row in Path('/proc/self/status').read_text().splitlines() if row.startswith(key))
    return int(line.split()[1]) * 1024
