"""A pretraining step against the same detector's supervised step, per picture and in one process.

    python -m ocrnet_mmdet.benchmark.pretraining_cost --data DATA --out benchmarks/pretraining_cost.json

Both read the same pictures at the same size; a pretraining step sees each in two views and runs the
teacher. The discovered regions stand for the labels of the supervised step.
"""
import argparse
import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from .pretraining_runs import PretrainRun, make_config
from .pretraining_studies import ABLATION, ALL_TERMS, PSEUDO_LABELS
from .runs import CROP
from .speed import alternating_seconds, machine, peak_mib

OWN = 'own_regions'  # with all candidates of every view: more than any run has
ARMS = dict(all=ALL_TERMS, regions_boxes_masks=PSEUDO_LABELS, regions=ABLATION['regions'].pretraining) | {
    OWN: PSEUDO_LABELS | {'model.min_score': 0.0}}


def measure(config: str, data: str, data_root: str, size: int, batch: int, repeats: int, device: str,
            amp: bool) -> dict:
    """Seconds and MiB of each arm's step on ``batch`` pictures, and ratios to the supervised one.

    Args:
        size: Side of a view, pixels.
        amp: Mixed precision.
    """
    steps = {}
    for name, options in ARMS.items():
        options = options | {'train_dataloader.dataset.pipeline.2.size': size}
        cfg = make_config(PretrainRun(name, config, data, data_root, 1, 0.0, 0, options, batch), Path())
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        views = pseudo_collate([dataset[i] for i in range(batch)])
        steps[name] = _step(cfg.model, views, device, amp, own_regions=name == OWN)
    steps['supervised'] = _step(cfg.model.detector, _labelled(cfg, batch), device, amp)
    taken = alternating_seconds(steps, repeats, device)
    result = {name: dict(seconds=taken[name], peak_mib=peak_mib(step, device))
              for name, step in steps.items()}
    for name in ARMS:
        result[name]['ratio'] = {key: round(result[name][key] / result['supervised'][key], 3)
                                 for key in ('seconds', 'peak_mib')}
    return result


def _labelled(cfg: Config, batch: int) -> dict:
    """The first views, with the boxes and segments of all their regions as objects of class 0."""
    data = copy.deepcopy(cfg.train_dataloader.dataset)
    data.pipeline[-1].segments = data.pipeline[1].get('max_regions', 100)
    dataset = DATASETS.build(data)
    views = pseudo_collate([dataset[i] for i in range(batch)])
    first = {key: value[0] for key, value in views.items()}
    for sample in first['data_samples']:
        sample.gt_instances = sample.segments
        sample.gt_instances.labels = torch.zeros(len(sample.segments), dtype=torch.long)
    return first


def _step(model_cfg: dict, data: dict, device: str, amp: bool,
          own_regions: bool = False) -> Callable[[], None]:
    torch.manual_seed(0)
    model = MODELS.build(model_cfg)
    model.init_weights()
    if own_regions:
        model.keep_finder()
        model.own_regions = True
    model.to(device).train()

    def step() -> None:
        inputs = model.data_preprocessor(data, True)
        with torch.autocast(device, enabled=amp):
            loss = model.parse_losses(model(**inputs, mode='loss'))[0]
        loss.backward()
        model.zero_grad(set_to_none=True)
        if hasattr(model, 'update_teacher'):
            model.update_teacher(0.99)

    return step


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', default='configs/benchmark/ocrnet_tiny_pretrain.py')
    parser.add_argument('--set', default='nuclei', help='data set below --data')
    parser.add_argument('--data', required=True)
    parser.add_argument('--size', type=int, default=CROP, help='side of a view, pixels')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args()
    import ocrnet_mmdet  # noqa: F401
    init_default_scope('mmdet')
    result = measure(args.config, args.set, args.data, args.size, args.batch, args.repeats, args.device,
                     args.amp)
    result.update(command=' '.join(sys.argv), machine=machine(args.device))
    args.out.write_text(json.dumps(result, indent=1))
    print({name: result[name]['ratio'] for name in ARMS})
