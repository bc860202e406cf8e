"""Speed, memory and parameters of a detector as ratios against another one, in one process.

Both models see the same random pictures and the same boxes; every measurement alternates between
them, so that a change of the machine's pace meets both. Weights are random, but that every region
is firmly of the first class: each draws its full 100 detections and their masks, as on a crowded
picture, and non-maximum suppression reads a score over the usual threshold for one class of a
region, not for 80.
"""

import itertools
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from torch import nn
from torch.profiler import profile

CLASSES = 80
OBJECTS = 10  # a picture; COCO's mean is 7.3
FIRM = 10.0  # logit of the first class, the others' and the background's are 0


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
    result = {
        name: dict(parameters=sum(p.numel() for p in model.parameters()) / 1e6)
        for name, model in models.items()
    }
    for kind, make in dict(inference=_inference, training=_training).items():
        steps = {name: make(model, size, batch) for name, model in models.items()}
        taken = alternating_seconds(steps, repeats, device)
        for name, step in steps.items():
            result[name][f'{kind}_seconds'] = taken[name]
            result[name][f'{kind}_peak_mib'] = peak_mib(step, device)
    return result


def ratios(result: dict, ours: str, theirs: str) -> dict[str, float]:
    """Ours over theirs for each measured figure."""
    return {key: round(result[ours][key] / result[theirs][key], 3) for key in result[ours]}


def machine(device: str) -> dict:
    """What the figures were measured on."""
    name = torch.cuda.get_device_name() if device == 'cuda' else platform.machine()
    return dict(
        device=name,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        python=platform.python_version(),
    )


def _build(cfg: Config, device: str) -> nn.Module:
    torch.manual_seed(0)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    model.init_weights()
    nn.init.zeros_(model.roi_head.bbox_head.fc_cls.weight)
    nn.init.constant_(model.roi_head.bbox_head.fc_cls.bias[:1], FIRM)
    return model.to(device)


def _inputs(size: int, batch: int) -> dict:
    np.random.seed(0)
    torch.manual_seed(0)
    return demo_mm_inputs(
        batch,
        [[3, size, size]] * batch,
        num_items=[OBJECTS] * batch,
        num_classes=CLASSES,
        with_mask=True,
    )


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
            dict(data, data_samples=[s.clone() for s in data['data_samples']]), True
        )
        model.parse_losses(model(**inputs, mode='loss'))[0].backward()
        model.zero_grad(set_to_none=True)

    return step


def alternating_seconds(
    steps: dict[str, Callable[[], None]], repeats: int, device: str
) -> dict[str, float]:
    """Median of each step's times; every round takes each in turn, the first one warms up."""
    rounds = [
        {name: _seconds(step, device) for name, step in steps.items()} for _ in range(repeats + 1)
    ]
    return {name: statistics.median(taken[name] for taken in rounds[1:]) for name in steps}


def _seconds(step: Callable[[], None], device: str) -> float:
    if device == 'cuda':
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_mib(step: Callable[[], None], device: str) -> float:
    """MiB of tensors that a step holds at its peak on top of what was there.

    On both devices the allocator's count: the process's own size on a CPU also holds what malloc
    keeps, and differs by a tenth from run to run.
    """
    if device == 'cuda':
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    with profile(profile_memory=True) as record:
        step()
    events = sorted(
        (event.start_ns(), event.nbytes())
        for event in record.profiler.kineto_results.events()
        if event.name() == '[memory]'
    )
    return max(itertools.accumulate((size for _, size in events), initial=0)) / 2**20
