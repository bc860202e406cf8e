"""The demo with narrow nets and two steps of each training, on a data set of a few pictures."""

import json
import runpy

import cv2
import pytest
import torch
from mmengine.registry import init_default_scope

from demo.data_set import make_demo_set
from demo.drawing import CAPTION
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT

STEPS = 2
SIDE = 96
SHRUNK = f"""
_base_ = {{base!r}}
{{model}}
max_iters = {STEPS}
train_cfg = dict(max_iters={STEPS}, val_interval={{val_interval}})
param_scheduler = [dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end={STEPS})]
train_dataloader = dict(batch_size=2, dataset=dict({{indices}}))
default_hooks = dict(checkpoint=dict(interval={STEPS}), logger=dict(interval=1))
"""
NARROW = 'dict(backbone=dict(width=0.25), neck=dict(in_channels=[16, 32, 64, 128]))'
STARTS = ('random start', 'pretrained start', 'ImageNet start')


def shrunk(folder, name: str, model: str, val_interval: int = STEPS, indices: str = 'indices=2'):
    path = folder / name
    path.write_text(
        SHRUNK.format(
            base=str(ROOT / 'configs/demo' / name),
            model=model,
            val_interval=val_interval,
            indices=indices,
        )
    )
    return path


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    """The folder of a finished demo, and its table; an earlier one was killed in it."""
    folder = tmp_path_factory.mktemp('demo')
    for left in (
        'regions/ab/cut_off',
        'pretraining/pretrained_detector.pth',
        'random_start/iter_1.pth',
    ):
        path = folder / 'work_dirs/demo' / left
        path.parent.mkdir(parents=True)
        path.write_bytes(b'half a file')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tool = runpy.run_path(str(ROOT / 'tools/demo.py'))
        make_demo_set('data/demo', train=3, val=2, unlabelled=4, size=SIDE)
        pretraining, starts = tool['PRETRAINING'], tool['STARTS']
        pretraining.config = shrunk(
            folder, pretraining.config.name, f'model = dict(detector={NARROW})', STEPS + 1, ''
        )
        for run in starts:
            model = '' if 'imagenet' in run.config.name else f'model = {NARROW}'
            run.config = shrunk(folder, run.config.name, model)
        init_default_scope('mmengine')  # as where nothing of mmdet's has run yet
        result = tool['compare'](pretraining, starts)
    return folder / 'work_dirs/demo', tool['summary'](result, 60.0)


def test_the_starts_are_scored_side_by_side(demo):
    folder, text = demo
    result = json.loads((folder / 'scores.json').read_text())
    assert result['pictures'] == dict(unlabelled=4, labelled=2, scored=2)
    assert result['steps'] == dict(pretraining=STEPS, finetuning=STEPS)
    assert tuple(result['scores']) == STARTS
    for name, scores in result['scores'].items():
        row = next(line for line in text.splitlines() if line.startswith(f'{name} '))
        assert [float(cell) for cell in row.removeprefix(name).split()] == [
            round(100 * scores[key], 1) for key in ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP')
        ]
    assert (
        f'{STEPS} steps on 2 labelled pictures' in text
        and f'{STEPS} steps on 4 pictures without' in text
    )


def test_one_start_is_the_pretrained_detector(demo):
    """Two steps of a warming-up optimiser move no weight far."""
    folder, _ = demo
    pretrained = torch.load(folder / 'pretraining/pretrained_detector.pth', weights_only=True)
    for name, near in dict(random_start=False, pretrained_start=True).items():
        state = torch.load(folder / name / f'iter_{STEPS}.pth', weights_only=True)['state_dict']
        away = max(
            float((state[k] - v).abs().max())
            for k, v in pretrained['state_dict'].items()
            if k.startswith('neck.')
        )
        assert (away < 0.01) == near, (name, away)


def test_nothing_of_a_killed_demo_stays(demo):
    folder, _ = demo
    assert not (folder / 'random_start/iter_1.pth').exists()
    assert not (folder / 'regions/ab/cut_off').exists()


def test_a_picture_shows_truth_and_all_detectors(demo):
    folder, _ = demo
    drawn = [cv2.imread(str(path)) for path in sorted((folder / 'detections').iterdir())]
    assert len(drawn) == 2
    for picture in drawn:
        height, width = picture.shape[:2]
        side = width // 4
        assert width == 4 * side and CAPTION < height - side < 2 * CAPTION and side >= 320
        panels = [picture[height - side :, i * side : (i + 1) * side] for i in range(4)]
        assert (panels[0] != panels[1]).any()  # the truth is drawn, two steps find nothing


def test_a_failed_training_ends_the_demo_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tool = runpy.run_path(str(ROOT / 'tools/demo.py'))
    (tmp_path / 'work_dirs/demo').mkdir(parents=True)
    run = tool['Run']('broken', tmp_path / 'absent.py')
    with pytest.raises(
        InputError, match='broken ended with status 2: error: config .*absent.py does not exist'
    ):
        tool['run_lanes']([[run]])
