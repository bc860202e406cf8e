"""Pretraining as a user runs it: resume after a kill, hand-over to fine-tuning, two processes, bad
input."""

import os
import re
import runpy
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.config import Config
from mmengine.hooks import Hook

from demo.data_set import make_demo_set
from ocrnet_mmdet.cli import run_training
from ocrnet_mmdet.config_tree import class_counts
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT, ocrnet_config
from ..two_processes import run_in_two
from .runs import make_config, start, write_pictures
from .test_pretrainer import stock_config

STEPS, KEPT, KILLED = 8, 4, 5  # a checkpoint at KEPT, the kill a step later
CLASSIFIER = {'roi_head.bbox_head.fc_cls.weight', 'roi_head.bbox_head.fc_cls.bias'}
ENV = dict(os.environ, OMP_NUM_THREADS='1', PYTHONWARNINGS='ignore')


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    """Sums differ in their last bits with the number of threads; the others have one too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('data') / 'pictures')


def checkpointed(pictures, work_dir, **kwargs) -> Config:
    cfg = make_config(pictures, work_dir, STEPS, **kwargs)
    cfg.default_hooks.checkpoint.interval = KEPT
    cfg.randomness = dict(seed=None)  # as most users leave it: the seed itself must be resumed
    # horizon: so that the teacher of so short a run is not the student
    cfg.default_hooks.schedule.update(own_from=0.2, horizon=1.0)
    cfg.default_hooks.monitor.interval = 2
    return cfg


def weights(path) -> dict:
    return torch.load(path, weights_only=False)['state_dict']


def assert_equal(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    assert not [key for key in a if not torch.equal(a[key], b[key])]


@pytest.fixture(scope='module')
def finished(pictures, tmp_path_factory):
    """The runner of a pretraining that was never stopped."""
    work_dir = tmp_path_factory.mktemp('finished')
    cfg = checkpointed(pictures, work_dir)
    cfg.randomness = dict(seed=5)
    return start(cfg)


@pytest.mark.parametrize('workers', [0, 2])
def test_resuming_after_a_kill_equals_never_having_stopped(pictures, finished, tmp_path, workers):
    cfg = checkpointed(pictures, tmp_path)
    cfg.train_dataloader.num_workers = workers
    cfg.randomness = dict(seed=5)
    cfg.dump(tmp_path / 'config.py')
    command = [sys.executable, '-m', 'tests.pretraining.runs', tmp_path / 'config.py', str(KILLED)]
    killed = subprocess.Popen(
        command,
        cwd=ROOT,
        env=ENV,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert killed.wait(timeout=300) == -signal.SIGKILL
    with suppress(ProcessLookupError):
        os.killpg(killed.pid, signal.SIGKILL)  # workers that wait for their loader for ever
    assert {p.name for p in tmp_path.glob('*.pth')} == {f'iter_{KEPT}.pth'}
    cfg.resume, cfg.randomness = True, dict(seed=None)  # a seed that is not given is taken along
    start(cfg)
    for name in ('pretrained_detector.pth', f'iter_{STEPS}.pth'):
        assert_equal(weights(tmp_path / name), weights(f'{finished.work_dir}/{name}'))


def test_the_export_is_the_teacher_under_the_detectors_own_keys(finished):
    content = torch.load(f'{finished.work_dir}/pretrained_detector.pth', weights_only=True)
    assert content.keys() == {'meta', 'state_dict'}
    teacher, student = (
        getattr(finished.model, name).state_dict() for name in ('teacher', 'student')
    )
    assert content['state_dict'].keys() == teacher.keys() - CLASSIFIER
    assert {key.split('.')[0] for key in content['state_dict']} == {
        'backbone',
        'neck',
        'rpn_head',
        'roi_head',
    }
    assert all(value.equal(teacher[key]) for key, value in content['state_dict'].items())
    assert not all(value.equal(student[key]) for key, value in content['state_dict'].items())
    assert content['meta']['data'] == finished.train_dataloader.dataset.fingerprint()
    assert content['meta']['data']['count'] == 8 and content['meta']['steps'] == STEPS
    assert content['meta']['untrained'] == []


@HOOKS.register_module()
class WeightsBeforeStep1(Hook):
    def before_train(self, runner) -> None:
        type(self).weights = {k: v.clone() for k, v in runner.model.state_dict().items()}


@pytest.fixture(scope='module')
def labelled(tmp_path_factory):
    out = tmp_path_factory.mktemp('labelled') / 'demo'
    make_demo_set(str(out), train=2, val=1, unlabelled=0, size=64)
    return out


def fine_tune(labelled, work_dir, detector: dict, load_from) -> tuple[dict, str]:
    """One step on labels; the weights before it, and the log."""
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    cfg.model, cfg.load_from, cfg.work_dir = detector, str(load_from), str(work_dir)
    for _, head in class_counts(cfg.model):
        head.num_classes = len(cfg.classes)
    cfg.train_dataloader.dataset.data_root = f'{labelled}/'
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=1)
    for part in ('val', 'test'):
        for kind in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{part}_{kind}'] = None
    cfg.train_cfg.max_iters = 1
    cfg.custom_hooks.append(dict(type='WeightsBeforeStep1'))
    cfg.experiment_name = uuid4().hex
    runner = run_training(cfg)
    log = next(work_dir.glob('*/*.log')).read_text()
    assert runner.iter == 1
    return WeightsBeforeStep1.weights, log


@pytest.mark.parametrize('file', ['pretrained_detector.pth', f'iter_{STEPS}.pth'])
def test_every_weight_but_the_classifier_is_handed_over(labelled, finished, tmp_path, file):
    begun, log = fine_tune(labelled, tmp_path, ocrnet_config(), f'{finished.work_dir}/{file}')
    given = weights(f'{finished.work_dir}/pretrained_detector.pth')
    assert begun.keys() - given.keys() == CLASSIFIER
    assert all(begun[key].equal(value) for key, value in given.items())
    parts = {
        part: [key for key in begun if key.startswith(f'{part}.')]
        for part in (
            'backbone',
            'neck',
            'rpn_head',
            'roi_head.bbox_roi_extractor',
            'roi_head.bbox_head',
            'roi_head.mask_head',
            'roi_head.aggregator',
        )
    }
    counts = {
        part: f'{len(keys) - 2 * (part == "roi_head.bbox_head")}/{len(keys)}'
        for part, keys in parts.items()
    }
    assert 'checkpoint matches: ' + ', '.join(f'{k} {v}' for k, v in counts.items()) in log


def test_stock_class_specific_heads_start_from_agnostic_ones(pictures, labelled, tmp_path):
    start(make_config(pictures, tmp_path / 'a', 1, stock_config(True)))
    path = tmp_path / 'a/pretrained_detector.pth'
    given = weights(path)
    begun, log = fine_tune(labelled, tmp_path / 'b', stock_config(True), path)
    repeated = {key for key in given if given[key].shape != begun[key].shape}
    assert repeated == {
        f'roi_head.{head}.{kind}'
        for head in ('bbox_head.fc_reg', 'mask_head.conv_logits')
        for kind in ('weight', 'bias')
    }
    for key, value in given.items():
        times = 5 if key in repeated else 1
        assert begun[key].equal(torch.cat([value] * times)), key
    assert 'fc_reg.weight is class-agnostic, repeated for every class' in log


def test_a_file_of_which_a_part_matches_nothing_is_refused(labelled, finished, tmp_path):
    content = torch.load(f'{finished.work_dir}/pretrained_detector.pth')
    content['state_dict'] = {
        key.replace('neck.', 'fpn.'): value for key, value in content['state_dict'].items()
    }
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(InputError, match=r'other\.pth: nothing in it fits neck of this model'):
        fine_tune(labelled, tmp_path, ocrnet_config(), tmp_path / 'other.pth')


def test_two_processes_agree_without_regions_in_one(tmp_path):
    first, second = run_in_two('tests.pretraining.two_pretrainers', tmp_path)
    for name in first:
        assert_equal(first[name], second[name])


def test_two_processes_end_together_and_one_of_them_exports(tmp_path):
    first, second = run_in_two('tests.pretraining.two_runs', tmp_path)
    assert_equal(first['teacher'], second['teacher'])
    written = [
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('pretrained_detector.pth')
    ]
    assert written == ['sound/rank0/pretrained_detector.pth']
    exported = weights(tmp_path / written[0])
    assert all(value.equal(first['teacher'][key]) for key, value in exported.items())
    for said in (first['said'], second['said']):
        assert re.match(r'step \d+: the region vectors have collapsed', said)
    assert first['said'].split(':')[0] == second['said'].split(':')[0]


def run_tool(cfg: Config, tmp_path, monkeypatch, capsys) -> tuple[int, str]:
    """Exit status and last line of tools/train.py with ``cfg``."""
    cfg.experiment_name = uuid4().hex
    cfg.dump(tmp_path / 'config.py')
    monkeypatch.setattr(sys, 'argv', ['train.py', str(tmp_path / 'config.py')])
    try:
        runpy.run_path(str(ROOT / 'tools/train.py'), run_name='__main__')
        status = 0
    except SystemExit as stop:
        status = stop.code
    return status, (capsys.readouterr().err.strip().splitlines() or [''])[-1]


def stripes(pictures):
    """Pictures far smaller than a view, one without any edge."""
    rng = np.random.default_rng(0)
    for i, shape in enumerate([(1, 90), (90, 1), (12, 9), (1, 1)]):
        cv2.imwrite(str(pictures / f'{i}.png'), rng.integers(0, 255, (*shape, 3)).astype(np.uint8))


def one_colour(pictures):
    cv2.imwrite(str(pictures / 'grey.png'), np.full((70, 90, 3), 128, np.uint8))


@pytest.mark.parametrize('write', [stripes, one_colour])
def test_pictures_without_any_region_are_trained_on(write, tmp_path, monkeypatch, capsys):
    (tmp_path / 'pictures').mkdir()
    write(tmp_path / 'pictures')
    cfg = make_config(tmp_path / 'pictures', tmp_path / 'work', 2)
    cfg.default_hooks.monitor.interval = 1
    status, line = run_tool(cfg, tmp_path, monkeypatch, capsys)
    assert status == 0, line
    state = torch.load(tmp_path / 'work/pretrained_detector.pth', weights_only=True)['state_dict']
    assert all(value.isfinite().all() for value in state.values())


def no_picture(cfg, pictures):
    for file in pictures.iterdir():
        file.unlink()
    (pictures / 'notes.txt').write_text('none')


def no_readable_picture(cfg, pictures):
    for file in pictures.iterdir():
        file.write_bytes(b'no picture')


def nan_loss(cfg, pictures):
    cfg.model.weights = dict(boxes=float('1e39'))


def no_pretrainer(cfg, pictures):
    cfg.model = cfg.model.detector


def no_region_head(cfg, pictures):
    cfg.model.detector.rpn_head = None


def unwritable_cache(cfg, pictures):
    cfg.train_dataloader.dataset.pipeline[1].cache_dir = str(pictures / '0.png')


@pytest.mark.parametrize(
    'spoil, words',
    [
        (no_picture, 'holds no picture.*correct data_root'),
        (no_readable_picture, 'none of the 3 pictures in .* can be used.*data_root'),
        (nan_loss, r'the loss is not finite at step 1 .*loss_boxes'),
        (no_pretrainer, 'OCRNetPretrainHook needs model.type=OCRNetPretrainer.* OCRNetDetector'),
        (no_region_head, 'OCRNetDetector.* has no rpn_head'),
        (unwritable_cache, 'cache_dir .* cannot be written to'),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_half_written(
    spoil, words, tmp_path, monkeypatch, capsys
):
    pictures = write_pictures(tmp_path / 'pictures', 3)
    cfg = make_config(pictures, tmp_path / 'work', 2)
    spoil(cfg, pictures)
    status, line = run_tool(cfg, tmp_path, monkeypatch, capsys)
    assert status == 2
    assert line.startswith('error: ') and re.search(words, line), line
    assert not [p for p in (tmp_path / 'work').rglob('*') if p.suffix in ('.pth', '.part')]


def test_the_log_says_what_is_done_and_no_weight_by_name(finished):
    text = next(Path(finished.work_dir).glob('*/*.log')).read_text()
    assert re.search(r'pretraining without labels: 8 images, steps 1 to 8 of 4 images', text)
    assert f'{finished.work_dir}/pretrained_detector.pth' in text
    assert re.search(r'Iter\(train\) \[8/8\].*eta: .*regions: \d+\..*images_per_second: ', text)
    assert 'before and after calling' not in text
