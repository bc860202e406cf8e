import json

import matplotlib.pyplot as pyplot
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from demo.drawing import _enlarge, plot_trainings


def log(path, lines):
    path.write_text('\n'.join(map(json.dumps, lines)))
    return path


def fine_tuning(first: float) -> list[dict]:
    """Logged lines of a training whose AP is ``first``, then twice that."""
    return [
        dict(loss=2.0, loss_cls=1.5, step=50),
        dict(loss=1.0, loss_cls=0.5, step=100),
        {'coco/bbox_mAP': first, 'coco/segm_mAP': first / 2, 'step': 0},
        dict(loss=0.5, loss_cls=0.2, step=150),
        {'coco/bbox_mAP': 2 * first, 'coco/segm_mAP': first, 'step': 0},
    ]


def test_a_picture_in_which_nothing_was_found_is_enlarged_too():
    sample = DetDataSample(metainfo=dict(ori_shape=(4, 6)))
    sample.gt_instances = InstanceData(bboxes=torch.ones(1, 4))
    sample.pred_instances = InstanceData(
        bboxes=torch.zeros(0, 4), masks=torch.zeros(0, 4, 6, dtype=torch.bool)
    )
    assert _enlarge(sample, 3).pred_instances.masks.shape == (0, 12, 18)
    mask = torch.tensor([[[True, False], [False, True]]])
    sample.pred_instances = InstanceData(bboxes=torch.ones(1, 4), masks=mask)
    assert _enlarge(sample, 2).pred_instances.masks.int().tolist() == [
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    ]


def test_scores_are_drawn_at_the_step_of_the_training_before(tmp_path, monkeypatch):
    pretraining = log(
        tmp_path / 'p',
        [
            dict(loss=3.0, loss_vectors=-1.0, spread=0.9, step=50),
            dict(loss=2.0, loss_vectors=-2.0, spread=0.8, step=100),
        ],
    )
    runs = {
        name: log(tmp_path / name, fine_tuning(first)) for name, first in dict(a=0.1, b=0.2).items()
    }
    monkeypatch.setattr(pyplot, 'close', lambda figure: None)
    plot_trainings(pretraining, runs, tmp_path / 'curve.png')
    curves = [
        {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
        for axis in pyplot.gcf().axes
    ]
    assert curves[0] == dict(loss=[[50, 3.0], [100, 2.0]], loss_vectors=[[50, -1.0], [100, -2.0]])
    assert curves[1] == {name: [[50, 2.0], [100, 1.0], [150, 0.5]] for name in 'ab'}
    assert curves[2] == {
        'a: box AP': [[100, 0.1], [150, 0.2]],
        'a: mask AP': [[100, 0.05], [150, 0.1]],
        'b: box AP': [[100, 0.2], [150, 0.4]],
        'b: mask AP': [[100, 0.1], [150, 0.2]],
    }
    monkeypatch.undo()
    pyplot.close('all')
    assert (tmp_path / 'curve.png').read_bytes().startswith(b'\x89PNG')
