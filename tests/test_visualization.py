import json

import matplotlib.pyplot as pyplot

from ocrnet_mmdet.visualization import plot_training


def test_scores_are_drawn_at_the_step_of_the_training_before(tmp_path, monkeypatch):
    lines = [dict(loss=2.0, step=50), dict(loss=1.0, step=100),
             {'coco/bbox_mAP': 0.1, 'coco/bbox_mAP_50': 0.3, 'step': 0}, dict(loss=0.5, step=150),
             {'coco/bbox_mAP': 0.2, 'coco/bbox_mAP_50': 0.4, 'step': 0}]
    log = tmp_path / 'vis_data'
    log.mkdir()
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    monkeypatch.setattr(pyplot, 'close', lambda figure: None)
    plot_training(tmp_path, tmp_path / 'curve.png')
    losses, scores = pyplot.gcf().axes
    assert losses.lines[0].get_xydata().tolist() == [[50, 2.0], [100, 1.0], [150, 0.5]]
    assert scores.lines[0].get_xydata().tolist() == [[100, 0.1], [150, 0.2]]
    monkeypatch.undo()
    pyplot.close('all')
    assert (tmp_path / 'curve.png').read_bytes().startswith(b'\x89PNG')
