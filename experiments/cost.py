"""A pretraining step against the same detector's supervised step, per picture and in one process.

Both read the same pictures at the same size; a pretraining step sees each in two views and runs the
teacher. The discovered regions stand for the labels of the supervised step.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from ocrnet_mmdet.evaluation.speed import alternating_seconds, peak_mib

from .plans import ALL_TERMS, PSEUDO_LABELS, REGIONS
from .pretraining import make_config
from .records import Run

OWN = 'own_regions'  # with all candidates of every view: more than any run has
ARMS = dict(all=ALL_TERMS, regions_boxes_masks=PSEUDO_LABELS, regions=REGIONS) | {
    OWN: PSEUDO_LABELS | {'model.min_score': 0.0}
}


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Seconds and MiB of each arm's step and the supervised one.

    The options are the views' size, repeats, and whether precision is mixed.
    """
    device, amp = 'cuda' if torch.cuda.is_available() else 'cpu', run.options['amp']
    steps = {}
    for name, options in ARMS.items():
        cfg = make_config(replace(run, options=options, steps=1, lr=0.0, seed=0), data_root, out)
        cfg.train_dataloader.dataset.pipeline[-1].size = run.options['size']
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        views = pseudo_collate([dataset[i] for i in range(run.batch)])
        steps[name] = _step(cfg.model, views, device, amp, own_regions=name == OWN)
    steps['supervised'] = _step(cfg.model.detector, _labelled(cfg, run.batch), device, amp)
    taken = alternating_seconds(steps, run.options['repeats'], device)
    return dict(
        measured={
            name: dict(seconds=taken[name], peak_mib=peak_mib(step, device))
            for name, step in steps.items()
        }
    )


def _labelled(cfg: Config, batch: int) -> dict:
    """The first views, with the boxes and segments of all their regions as objects of class 0."""
    data = copy.deepcopy(cfg.train_dataloader.dataset)
    data.pipeline[-1].segments = data.pipeline[1].max_regions
    dataset = DATASETS.build(data)
    views = pseudo_collate([dataset[i] for i in range(batch)])
    first = {key: value[0] for key, value in views.items()}
    for sample in first['data_samples']:
        sample.gt_instances = sample.segments
        sample.gt_instances.labels = torch.zeros(len(sample.segments), dtype=torch.long)
    return first


def _step(
    model_cfg: dict, data: dict, device: str, amp: bool, own_regions: bool = False
) -> Callable[[], None]:
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
