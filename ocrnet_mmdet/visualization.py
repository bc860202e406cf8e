"""Pictures of a training: its curves, and detections beside the ground truth."""
import json
from pathlib import Path

import matplotlib
import mmcv
import torch
from mmdet.registry import VISUALIZERS
from mmengine.runner import Runner

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

SHOWN_SCORE = 0.3


def plot_training(log_dir: Path, out: Path) -> Path:
    """Losses by step and AP by step of the run whose logs lie in ``log_dir``, as a PNG."""
    lines = [json.loads(line) for line in
             next(log_dir.glob('vis_data/*.json')).with_name('scalars.json').read_text().splitlines()]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout='constrained')
    train = [line for line in lines if 'loss' in line]
    for name in (key for key in train[0] if 'loss' in key):
        left.plot([line['step'] for line in train], [line[name] for line in train], label=name)
    left.set(title='losses (mean of 50 steps)', xlabel='step', yscale='log')
    left.legend(fontsize=7)
    scored = [line for line in lines if 'coco/bbox_mAP' in line]
    for name in ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP', 'segm_mAP_50'):
        if scored and f'coco/{name}' in scored[0]:
            right.plot([line['step'] for line in scored],
                       [line[f'coco/{name}'] for line in scored], marker='o', label=name)
    right.set(title='val', xlabel='step', ylim=(0, 1))
    right.legend(fontsize=7)
    figure.savefig(out, dpi=100)
    pyplot.close(figure)
    return out


def draw_detections(runner: Runner, folder: Path, count: int) -> Path:
    """The first ``count`` val pictures, ground truth on the left, detections on the right."""
    dataset = runner.val_dataloader.dataset
    visualizer = VISUALIZERS.build(dict(type='DetLocalVisualizer', name='demo', line_width=1, alpha=0.4))
    visualizer.dataset_meta = dataset.metainfo
    runner.model.eval()
    for i in range(min(count, len(dataset))):
        data = dataset[i]
        batch = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        with torch.no_grad():
            sample = runner.model.val_step(batch)[0]
        image = mmcv.imread(sample.img_path, channel_order='rgb')
        # mmdet's text has a lower size limit: draw on twice the pixels
        visualizer.add_datasample('demo', image, sample, draw_gt=True, pred_score_thr=SHOWN_SCORE,
                                  show=False, out_file=str(folder / Path(sample.img_path).name))
    return folder
