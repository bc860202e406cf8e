"""Pictures of trainings: their curves, and their detections beside the ground truth."""

import json
from pathlib import Path

import matplotlib
import mmcv
import numpy as np
import torch
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from torch import nn
from torch.utils.data import Dataset

from ocrnet_mmdet.look.sheet import captioned

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

SHOWN_SCORE = 0.3
SHOWN_SIDE = 640  # pixels; the labels' smallest font is legible from about here
CAPTION = 24  # height of the letters above a picture, pixels


def plot_trainings(pretraining: Path, finetunings: dict[str, Path], out: Path) -> Path:
    """Losses and AP by step, as a PNG.

    Args:
        pretraining: ``scalars.json`` of a pretraining.
        finetunings: Those of the trainings after it, by name.
    """
    figure, axes = pyplot.subplots(1, 3, figsize=(15, 4), layout='constrained')
    steps = _trained(_lines(pretraining))
    for name in (key for key in steps[0] if 'loss' in key):
        axes[0].plot([line['step'] for line in steps], [line[name] for line in steps], label=name)
    for colour, (name, path) in enumerate(finetunings.items()):
        lines = _lines(path)
        steps, scored = _trained(lines), _scored(lines)
        axes[1].plot(
            [line['step'] for line in steps],
            [line['loss'] for line in steps],
            color=f'C{colour}',
            label=name,
        )
        for what, key, style in (('box', 'bbox', '-'), ('mask', 'segm', '--')):
            axes[2].plot(
                [line['step'] for line in scored],
                [line.get(f'coco/{key}_mAP') for line in scored],
                style,
                marker='o',
                color=f'C{colour}',
                label=f'{name}: {what} AP',
            )
    axes[0].set(title='pretraining without labels: losses', xlabel='step')
    axes[1].set(title='fine-tuning: loss', xlabel='step')
    axes[2].set(title='fine-tuning: scores on the val pictures', xlabel='step')
    axes[2].set_ylim(bottom=0)
    for axis in axes:
        axis.legend(fontsize=7)
    figure.savefig(out, dpi=100)
    pyplot.close(figure)
    return out


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _trained(lines: list[dict]) -> list[dict]:
    return [line for line in lines if 'loss' in line]


def _scored(lines: list[dict]) -> list[dict]:
    """mmengine logs an iteration-based loop's AP with step 0; theirs is the training's before."""
    return [
        dict(line, step=_trained(lines[:i])[-1]['step'])
        for i, line in enumerate(lines)
        if 'coco/bbox_mAP' in line
    ]


def draw_detections(
    detectors: dict[str, nn.Module], dataset: Dataset, folder: Path, count: int
) -> Path:
    """The first ``count`` pictures of ``dataset``: ground truth, then what each detector finds."""
    visualizer = VISUALIZERS.build(
        dict(type='DetLocalVisualizer', name='detections', line_width=2, alpha=0.5)
    )
    visualizer.dataset_meta = dataset.metainfo
    for i in range(min(count, len(dataset))):
        samples = {name: _detect(detector, dataset[i]) for name, detector in detectors.items()}
        first = next(iter(samples.values()))
        panels = [_panel(visualizer, first, 'ground truth', truth=True)]
        panels += [
            _panel(visualizer, sample, f'{name}, score >= {SHOWN_SCORE}')
            for name, sample in samples.items()
        ]
        mmcv.imwrite(np.concatenate(panels, 1), str(folder / Path(first.img_path).name))
    return folder


def _detect(detector: nn.Module, data: dict) -> DetDataSample:
    """One picture's ground truth and detections, enlarged to at least half of ``SHOWN_SIDE``."""
    detector.eval()
    with torch.no_grad():
        sample = detector.test_step(
            dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        )[0]
    return _enlarge(sample, _factor(sample))


def _factor(sample: DetDataSample) -> int:
    return max(1, SHOWN_SIDE // max(sample.ori_shape))


def _panel(
    visualizer: DetLocalVisualizer, sample: DetDataSample, caption: str, truth: bool = False
) -> np.ndarray:
    """The picture with its ground truth or its detections and a caption, BGR."""
    image = mmcv.imrescale(
        mmcv.imread(sample.img_path, channel_order='rgb'), _factor(sample), interpolation='bicubic'
    )
    visualizer.add_datasample(
        'detections', image, sample, draw_gt=truth, draw_pred=not truth, pred_score_thr=SHOWN_SCORE
    )
    return captioned(visualizer.get_image()[..., ::-1], caption, CAPTION)


def _enlarge(sample: DetDataSample, factor: int) -> DetDataSample:
    truth, found = sample.gt_instances, sample.pred_instances.cpu()
    for instances in (truth, found):
        instances.bboxes = torch.as_tensor(instances.bboxes) * factor
    if 'masks' in truth:
        height, width = sample.ori_shape
        truth.masks = truth.masks.resize((height * factor, width * factor))
    if 'masks' in found:
        found.masks = found.masks.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    sample.pred_instances = found
    return sample
