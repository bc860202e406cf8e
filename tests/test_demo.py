"""The demo with a narrow net and two steps of each training, on a data set of a few pictures."""
import copy
import json
import runpy

import cv2
import pytest
import torch
from mmengine.config import Config

from ocrnet_mmdet.datasets.demo_set import make_demo_set
from ocrnet_mmdet.visualization import CAPTION

from .detectors import ROOT

STEPS = 2
SIDE = 96


def shrunk(name: str) -> Config:
    cfg = Config.fromfile(ROOT / 'configs/demo' / name)
    detector = cfg.model.get('detector', cfg.model)
    detector.backbone.width = 0.25
    detector.neck.in_channels = [16, 32, 64, 128]
    cfg.train_cfg.update(max_iters=STEPS)
    cfg.train_cfg.val_interval = min(cfg.train_cfg.val_interval, STEPS)
    warm_up, cosine = cfg.param_scheduler
    warm_up.end = cosine.begin = 1
    cosine.update(end=STEPS, T_max=1)
    cfg.train_dataloader.batch_size = 2
    cfg.default_hooks.checkpoint.interval = STEPS
    cfg.default_hooks.logger.interval = 1
    return cfg


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """The folder of a finished demo, and what it printed; an earlier one was killed in it."""
    folder = tmp_path_factory.mktemp('demo')
    for left in ('regions/ab/cut_off', 'pretrain/pretrained_detector.pth',
                 'random_start/iter_1.pth'):
        path = folder / 'work_dirs/demo' / left
        path.parent.mkdir(parents=True)
        path.write_bytes(b'half a file')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tool = runpy.run_path(str(ROOT / 'tools/demo.py'))
        make_demo_set('data/demo', train=3, val=2, unlabelled=4, size=SIDE)
        configs = [shrunk(name) for name in ('ocrnet_demo_pretrain.py', 'ocrnet_demo.py')]
        configs[1].train_dataloader.dataset.indices = 2
        result = tool['compare'](*copy.deepcopy(configs), {})
    return folder / 'work_dirs/demo', tool['summary'](result)


def test_both_starts_are_scored_side_by_side_with_the_pictures_they_took(demo):
    folder, text = demo
    result = json.loads((folder / 'scores.json').read_text())
    assert result['pictures'] == dict(unlabelled=4, labelled=2, scored=2)
    assert result['steps'] == dict(pretraining=STEPS, finetuning=STEPS)
    assert list(result['scores']) == ['random start', 'pretrained']
    for scores in result['scores'].values():
        assert {'bbox_mAP', 'bbox_mAP_50', 'segm_mAP'} <= scores.keys()
    assert '2 steps on 2 labelled pictures' in text and '2 steps on 4 pictures without' in text
    for name, scores in result['scores'].items():
        row = next(line for line in text.splitlines() if line.startswith(f'{name} '))
        assert [float(cell) for cell in row.removeprefix(name).split()] == [
            round(100 * scores[key], 1) for key in ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP')]


def test_one_start_is_the_pretrained_detector_and_the_other_is_not(demo):
    """Two steps of a warming-up optimiser move no weight far."""
    folder, _ = demo
    pretrained = torch.load(folder / 'pretrain/pretrained_detector.pth', weights_only=True)
    for name, near in dict(random_start=False, pretrained=True).items():
        state = torch.load(folder / name / f'iter_{STEPS}.pth', weights_only=False)['state_dict']
        away = max(float((state[k] - v).abs().max()) for k, v in pretrained['state_dict'].items()
                   if k.startswith('neck.'))
        assert (away < 0.01) == near, (name, away)


def test_nothing_of_a_killed_demo_stays(demo):
    folder, _ = demo
    assert not (folder / 'random_start/iter_1.pth').exists()
    assert not (folder / 'regions/ab/cut_off').exists()


def test_a_picture_shows_truth_and_both_detectors(demo):
    folder, _ = demo
    drawn = [cv2.imread(str(path)) for path in sorted((folder / 'detections').iterdir())]
    assert len(drawn) == 2
    for picture in drawn:
        height, width = picture.shape[:2]
        side = width // 3
        assert width == 3 * side and height == side + CAPTION and side >= 320
        panels = [picture[CAPTION:, i * side:(i + 1) * side] for i in range(3)]
        assert (panels[0] != panels[1]).any()  # the truth is drawn, two steps find nothing
