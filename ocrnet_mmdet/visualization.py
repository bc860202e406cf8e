"""Pictures of a training: its curves, and detections beside the ground truth."""
import json
from pathlib import Path

import matplotlib
import mmcv
import torch
import torch.nn.functional as F
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmengine.runner import Runner

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

SHOWN_SCORE = 0.3
SHOWN_SIDE = 640  # pixels; the labels' smallest font is legible from about here


def plot_training(log_dir: Path, out: Path) -> Path:
    """Losses and AP by step of the run whose logs lie in ``log_dir``, as a PNG."""
    lines = [json.loads(line)
             for line in (log_dir / 'vis_data/scalars.json').read_text().splitlines()]
    train = [line for line in lines if 'loss' in line]
    # mmengine logs scores of an iteration-based loop with step 0: theirs is the training's before.
    scored = [dict(line, step=[t['step'] for t in lines[:i] if 'loss' in t][-1])
              for i, line in enumerate(lines) if 'coco/bbox_mAP' in line]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout='constrained')
    for name in (key for key in train[0] if 'loss' in key):
        left.plot([line['step'] for line in train], [line[name] for line in train], label=name)
    left.set(title='training losses', xlabel='step', yscale='log')
    left.legend(fontsize=7)
    for name in ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP', 'segm_mAP_50'):
        right.plot([line['step'] for line in scored],
                   [line.get(f'coco/{name}') for line in scored], marker='o', label=name)
    right.set(title='scores on the val pictures', xlabel='step', ylim=(0, 1))
    right.legend(fontsize=7)
    figure.savefig(out, dpi=100)
    pyplot.close(figure)
    return out


def draw_detections(runner: Runner, folder: Path, count: int) -> Path:
    """The first ``count`` val pictures, ground truth on the left, detections on the right."""
    dataset = runner.val_dataloader.dataset
    visualizer = VISUALIZERS.build(
        dict(type='DetLocalVisualizer', name='detections', line_width=2, alpha=0.5))
    visualizer.dataset_meta = dataset.metainfo
    runner.model.eval()
    for i in range(min(count, len(dataset))):
        data = dataset[i]
        with torch.no_grad():
            sample = runner.model.val_step(
                dict(inputs=[data['inputs']], data_samples=[data['data_samples']]))[0]
        image = mmcv.imread(sample.img_path, channel_order='rgb')
        factor = max(1, SHOWN_SIDE // max(image.shape[:2]))
        visualizer.add_datasample(
            'detections', mmcv.imrescale(image, factor, interpolation='bicubic'),
            _enlarge(sample, factor), pred_score_thr=SHOWN_SCORE,
            out_file=str(folder / Path(sample.img_path).name))
    return folder


def _enlarge(sample: DetDataSample, factor: int) -> DetDataSample:
    truth, found = sample.gt_instances, sample.pred_instances.cpu()
    for instances in (truth, found):
        instances.bboxes = torch.as_tensor(instances.bboxes) * factor
    if 'masks' in truth:
        height, width = sample.ori_shape
        truth.masks = truth.masks.resize((height * factor, width * factor))
    if 'masks' in found:
        found.masks = F.interpolate(found.masks[None].float(), scale_factor=factor)[0].bool()
    sample.pred_instances = found
    return sample
