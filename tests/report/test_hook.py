"""Trainings leave their report, and no report's failure ends one."""

import json
import signal
from uuid import uuid4

import pytest
import torch
from mmdet.datasets import MultiImageMixDataset
from mmdet.registry import DATASETS
from mmengine.dataset import ClassBalancedDataset, RepeatDataset

from ocrnet_mmdet.cli import run_training
from ocrnet_mmdet.engine import stop_signals
from ocrnet_mmdet.report import page as report_page
from ocrnet_mmdet.report.facts import counts
from ocrnet_mmdet.report.work_folder import read_training

from ..engine.finetunings import make_config, start, write_data
from ..pretraining.runs import small, write_pictures
from ..pretraining.runs import start as pretrain
from .test_finetuning_page import page_of


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp('data') / 'demo')


def log_of(folder):
    return '\n'.join(path.read_text() for path in sorted(folder.glob('*/*.log')))


def test_a_training_leaves_its_report(data, tmp_path):
    start(make_config(data, tmp_path, steps=4))
    page = page_of(tmp_path / 'report.html')
    training = read_training(tmp_path)
    assert training.fact['finished'] and training.planned == training.steps == 4
    assert f'report: {tmp_path}/report.html' in log_of(tmp_path).splitlines()[-1]
    assert ['batch', '2 pictures'] in page.rows and ['steps', '4 of 4'] in page.rows
    train = next(row for row in page.rows if row[0] == 'train data')
    labels = json.loads((data / 'annotations/train.json').read_text())
    assert train[1].startswith(f'4 pictures, {len(labels["annotations"])} objects (')
    assert page.tags.count('img') == 4  # both val pictures, labels and detections


def test_the_kept_detections_are_those_that_were_scored(data, tmp_path):
    start(make_config(data, tmp_path / 'kept', steps=2))
    cfg = make_config(data, tmp_path / 'own', steps=2)
    cfg.val_evaluator.outfile_prefix = str(tmp_path / 'named')
    start(cfg)
    kept, own, copied = (
        json.loads(file.read_text())
        for file in (
            tmp_path / 'kept/val_detections.bbox.json',
            tmp_path / 'named.bbox.json',
            tmp_path / 'own/val_detections.bbox.json',
        )
    )
    assert kept == own == copied and len(kept) == 6
    assert len({d['image_id'] for d in kept}) == 2


def test_a_page_that_cannot_be_written_is_one_warning(data, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device', 'report.html')

    monkeypatch.setattr(report_page, 'write_report', full)
    runner = start(make_config(data, tmp_path, steps=2))
    lines = [line for line in log_of(tmp_path).splitlines() if 'report.html is not whole' in line]
    assert runner.iter == 2 and len(lines) == 1 and 'WARNING' in lines[0]
    assert f'python tools/report.py {tmp_path} makes it again' in lines[0]
    assert torch.load(tmp_path / 'iter_2.pth', weights_only=False)['meta']['iter'] == 2


def test_a_missing_package_is_one_warning(data, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, 'ocrnet_mmdet.report.page', None)
    assert start(make_config(data, tmp_path, steps=2)).iter == 2
    assert log_of(tmp_path).count('report.html is not whole (ModuleNotFoundError') == 1


def test_a_stopped_training_leaves_what_there_is(data, tmp_path, monkeypatch):
    cfg = make_config(data, tmp_path, steps=4, interval=3)
    cfg.default_hooks.logger.interval = 1
    # or it would log where an earlier training of this process did
    cfg.experiment_name = cfg.visualizer.name = uuid4().hex
    monkeypatch.setattr(stop_signals, 'requested', lambda: signal.SIGTERM)
    monkeypatch.setattr(
        'ocrnet_mmdet.engine.checkpoint_hook.requested', lambda: int(signal.SIGTERM)
    )
    with pytest.raises(SystemExit):
        run_training(cfg)
    page = page_of(tmp_path / 'report.html')
    assert (
        'not at its end: the log ends at step 1 of 4; the same command with --resume goes on from '
        'iter_1.pth' in page.text
    )


def test_a_young_pretraining_is_said_not_to_be_ready(data, tmp_path):
    pictures = write_pictures(tmp_path / 'pictures', 4)
    pretrain(small(pictures, tmp_path / 'pre', 2, monitor=dict(interval=1)))
    last = log_of(tmp_path / 'pre').splitlines()[-1]
    assert 'WARNING - not ready: the box branch' in last and '498 more steps' in last
    file = tmp_path / 'pre/pretrained_detector.pth'
    assert torch.load(file, weights_only=True)['meta']['ready'] is False
    page = page_of(tmp_path / 'pre/report.html')
    assert 'Not ready: the box branch' in page.text and page.tags.count('img') == 4
    cfg = make_config(data, tmp_path / 'fine', steps=1)
    cfg.load_from = str(file)
    start(cfg)
    assert log_of(tmp_path / 'fine').count(f'checkpoint: {file} is not ready') == 1


def test_a_pretraining_without_the_boxes_term_does_not_say(tmp_path):
    pictures = write_pictures(tmp_path / 'pictures', 4)
    pretrain(small(pictures, tmp_path / 'pre', 2, weights=dict(boxes=0.0)))
    meta = torch.load(tmp_path / 'pre/pretrained_detector.pth', weights_only=True)['meta']
    assert meta['ready'] is None and 'not ready' not in log_of(tmp_path / 'pre')


def test_batches_of_a_sampler_are_counted(data, tmp_path):
    cfg = make_config(data, tmp_path, steps=2)
    cfg.train_dataloader.batch_sampler = dict(type='mmdet.AspectRatioBatchSampler')
    start(cfg)
    assert ['batch', '2 pictures'] in page_of(tmp_path / 'report.html').rows


def test_a_picture_that_is_drawn_several_times_counts_once(data, tmp_path):
    cfg = make_config(data, tmp_path, steps=1)
    plain = cfg.train_dataloader.dataset
    once = DATASETS.build(plain)
    several = [
        RepeatDataset(once, 3),
        ClassBalancedDataset(once, oversample_thr=0.9),
        MultiImageMixDataset(once, []),
    ]
    assert counts(once)['pictures'] == 4 and all(counts(d) == counts(once) for d in several)
    assert counts(RepeatDataset(dict(type='ConcatDataset', datasets=[plain, plain]), 5)) == {
        name: {k: 2 * n for k, n in value.items()} if isinstance(value, dict) else 2 * value
        for name, value in counts(once).items()
    }
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=5, dataset=plain)
    start(cfg)
    page = page_of(tmp_path / 'report.html')
    assert any(row[0] == 'train data' and row[1].startswith('4 pictures') for row in page.rows)
    said = read_training(tmp_path).fact['summary']['data']
    assert said.startswith('4 pictures to train on')


def test_joined_data_that_differ_are_counted_as_pictures():
    class Joined(list):
        metainfo = [dict(classes=('a',)), dict(classes=('b',))]

    assert counts(Joined([1, 2, 3])) == dict(pictures=3)


def test_detections_of_an_earlier_training_are_taken_away(data, tmp_path):
    old = tmp_path / 'val_detections.segm.json'  # of one that scored masks, which this does not
    old.write_text('[]')
    start(make_config(data, tmp_path, steps=1))
    assert not old.exists() and (tmp_path / 'val_detections.bbox.json').exists()
