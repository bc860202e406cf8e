"""tools/start.py on a small generated data set: what it writes is what trains."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import mmdet
import pytest
import torch
from mmengine.config import Config

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.start import start

from ..detectors import ROOT
from .folders import CONFIGS, begin


def test_boxes_of_corners_leave_no_folder(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    for annotation in data['annotations']:
        x, y, w, h = annotation['bbox']
        annotation.update(bbox=[x, y, x + w, y + h], segmentation=None)
    (tmp_path / 'corners.json').write_text(json.dumps(data))
    with pytest.raises(InputError, match='write them as'):
        begin(pictures, tmp_path / 'mine', labels=tmp_path / 'corners.json')
    assert not (tmp_path / 'mine').exists()


def test_objects_that_nothing_learns_from_leave_no_folder(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    for annotation in data['annotations']:
        annotation.update(bbox=[*annotation['bbox'][:2], 0.5, 9], segmentation=None)
    (tmp_path / 'thin.json').write_text(json.dumps(data))
    with pytest.raises(InputError, match='thinner than a pixel'):
        begin(pictures, tmp_path / 'mine', labels=tmp_path / 'thin.json')
    assert not (tmp_path / 'mine').exists()


def test_without_labels_there_is_a_pretraining_alone(pictures, tmp_path):
    report = begin(pictures, tmp_path / 'mine', labels=None)
    assert sorted(os.listdir(tmp_path / 'mine')) == ['pretrain.py', 'report.txt']
    assert (
        '17 pictures' in report and Config.fromfile(tmp_path / 'mine/pretrain.py').image_scale == 96
    )


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(val_share=1.5), '--val-share is 1.5'),
        (dict(labels=None, val='annotations/val.json'), '--val needs --labels'),
    ],
)
def test_options_that_cannot_be_meant_are_one_line(pictures, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        begin(pictures, tmp_path / 'mine', **change)
    assert not (tmp_path / 'mine').exists()


def test_a_folder_that_holds_something_is_left_alone(pictures, tmp_path):
    (tmp_path / 'finetune.py').write_text('mine = 1')
    with pytest.raises(InputError, match='is not empty'):
        begin(pictures, tmp_path)
    assert (tmp_path / 'finetune.py').read_text() == 'mine = 1'


def test_a_folder_without_a_picture_is_one_line(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='holds no picture'):
        start(tmp_path / 'empty', None, None, 0.2, 0, True, tmp_path / 'mine', CONFIGS)


def test_what_is_written_trains_and_hands_over(mine):
    """As typed, a few steps each."""
    env = dict(os.environ, OMP_NUM_THREADS='1')

    def train(config, *options):
        done = subprocess.run(
            [
                sys.executable,
                ROOT / 'tools/train.py',
                mine / config,
                '--cfg-options',
                'train_cfg.max_iters=2',
                'default_hooks.checkpoint.interval=2',
                'param_scheduler.0.end=1',
                'param_scheduler.1.begin=1',
                'param_scheduler.1.end=2',
                'param_scheduler.1.T_max=1',
                'train_dataloader.batch_size=2',
                *options,
            ],
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    train('pretrain.py', 'train_cfg.val_interval=3')
    said = train(
        'finetune.py',
        'train_cfg.val_interval=2',
        f'load_from={mine}/pretrain/pretrained_detector.pth',
    )
    assert 'neck 64/64' in said and (mine / 'finetune/iter_2.pth').is_file()


def test_the_tool_prints_the_report(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys,
        'argv',
        [
            'start.py',
            '--pictures',
            str(pictures),
            '--labels',
            str(pictures / 'annotations/train.json'),
            '--out',
            str(tmp_path / 'mine'),
        ],
    )
    runpy.run_path(str(ROOT / 'tools/start.py'), run_name='__main__')
    assert capsys.readouterr().out == (tmp_path / 'mine/report.txt').read_text()


def test_mmdets_own_tool_trains_the_same_weights(mine, tmp_path):
    """The config that tools/start.py wrote, read as it stands: ten steps by either tool."""
    mmdets = Path(mmdet.__file__).parent / '.mim/tools/train.py'
    states = []
    for name, tool in dict(ours=ROOT / 'tools/train.py', mmdets=mmdets).items():
        done = subprocess.run(
            [
                sys.executable,
                tool,
                mine / 'finetune.py',
                '--work-dir',
                tmp_path / name,
                '--cfg-options',
                'train_cfg.max_iters=10',
                'train_cfg.val_interval=11',
                'default_hooks.checkpoint.interval=10',
            ],
            env=dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        states.append(torch.load(tmp_path / name / 'iter_10.pth', weights_only=True)['state_dict'])
    assert all(value.equal(states[1][key]) for key, value in states[0].items()) and states[0]


def test_a_file_that_is_not_there_is_named_by_its_option(pictures, tmp_path):
    for option, names in (('--labels', dict(labels='no.json')), ('--val', dict(val='no.json'))):
        with pytest.raises(InputError, match=rf'^{option}: there is no file .*no\.json: correct'):
            begin(pictures, tmp_path / 'mine', **names)
