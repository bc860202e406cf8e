"""tools/compare.py on the generated set at 64 px, two steps a training."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mmengine.config import Config

from demo.data_set import make_demo_set
from ocrnet_mmdet.compare import compare
from ocrnet_mmdet.compare.labels import check_val
from ocrnet_mmdet.compare.records import read_or_set_aside
from ocrnet_mmdet.compare.source import Source
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.start import start

from ..detectors import ROOT

TRAIN = ROOT / 'tools/train.py'
PLAN = """
data: mine
arms: {random: random, stage: stage, broken: {start: random, config: broken.py}}
labels: 50%
seeds: 0
steps: 2
rates: 1e-3
pretrainings: 1
results: {other: {file: other.json, labels: 6, seconds: 30}}
"""
NARROW = """
encoder = dict(backbone=dict(width=0.25), neck=dict(in_channels=[16, 32, 64, 128]))
model = {model}
train_dataloader = dict(batch_size=2)
param_scheduler = []
default_hooks = dict(checkpoint=dict(interval=2))
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A user's folder of the narrow net, ``mine``, with a plan beside it."""
    folder = tmp_path_factory.mktemp('compare')
    pictures, mine = folder / 'pictures', folder / 'mine'
    make_demo_set(str(pictures), train=12, val=2, unlabelled=2, size=64)
    start(
        pictures,
        pictures / 'annotations/train.json',
        pictures / 'annotations/val.json',
        0.2,
        0,
        False,
        mine,
        ROOT / 'configs',
    )
    for name, model in (('finetune', 'encoder'), ('pretrain', 'dict(detector=encoder)')):
        whole = (mine / f'{name}.py').rename(mine / f'whole_{name}.py')
        text = re.sub(r'max_iters = \d+', 'max_iters = 24', whole.read_text())
        whole.write_text(re.sub(r'(image_scale|crop_size|view_size) = \d+', r'\1 = 64', text))
        steps = 'train_cfg = dict(max_iters=2, val_interval=3)'
        (mine / f'{name}.py').write_text(
            f"_base_ = './whole_{name}.py'\n{steps}" + NARROW.format(model=model)
        )
    (folder / 'broken.py').write_text(
        "_base_ = './mine/finetune.py'\nmodel = dict(neck=dict(in_channels=[1, 2, 3, 4]))\n"
    )
    val = json.loads((mine / 'annotations/val.json').read_text())
    (folder / 'other.json').write_text(
        json.dumps(
            [
                dict(
                    image_id=a['image_id'], category_id=a['category_id'], bbox=a['bbox'], score=1.0
                )
                for a in val['annotations']
            ]
        )
    )
    (folder / 'plan.yaml').write_text(PLAN)
    return folder


def rows_of(out):
    return read_or_set_aside(out / 'records.csv', touch=True)[0]


@pytest.fixture(scope='module')
def out(folder):
    """The results of the plan, whose first process was killed once it had two rows."""
    out = folder / 'out'
    command = [sys.executable, str(ROOT / 'tools/compare.py'), 'plan.yaml', '--out', str(out)]
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL)
    until = time.time() + 600  # on a busy machine the imports alone take a minute
    while time.time() < until and not ((out / 'records.csv').exists() and len(rows_of(out)) > 1):
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = rows_of(out)
    done = subprocess.run(
        command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    (folder / 'said.txt').write_text(done.stdout)
    assert done.returncode == 0 and len(before) > 1, done.stdout
    assert rows_of(out)[: len(before)] == before
    return out


def test_a_finished_run_is_not_repeated(out):
    names = [row['name'] for row in rows_of(out) if not row['error']]
    assert sorted(names) == [
        'fine-tuning_random_6_seed0_steps2_lr0.001',
        'fine-tuning_stage_6_seed0_steps2_lr0.001',
        'pretraining_stage_seed0',
        'probe_random_steps',
        'probe_stage_stage',
    ]


def test_a_failed_run_is_a_row_with_its_last_line(out):
    failed = {row['name']: row['error'] for row in rows_of(out) if row['error']}
    assert (
        'in_channels' in failed['fine-tuning_broken_6_seed0_steps2_lr0.001']
        and 'status' in failed['fine-tuning_broken_6_seed0_steps2_lr0.001']
    )


def test_a_row_has_scores_times_and_settings(out):
    row = next(
        row for row in rows_of(out) if row['name'] == 'fine-tuning_stage_6_seed0_steps2_lr0.001'
    )
    assert (
        0 <= row['bbox_mAP'] <= row['bbox_mAP_50'] <= 1
        and row['segm_mAP'] is not None
        and row['by_class']
    )
    assert (
        row['total_seconds'] == pytest.approx(row['stage_seconds'] + row['seconds'])
        and row['stage_seconds'] > 1
    )
    assert row['step_seconds'] > 0 and row['parameters'] > 1e5 and row['threads'] == 1


def test_a_row_says_what_the_detector_is_like(out):
    row = next(
        row for row in rows_of(out) if row['name'] == 'fine-tuning_stage_6_seed0_steps2_lr0.001'
    )
    assert 0 <= row['proposal_recall'] <= 1 and 0 <= row['region_accuracy'] <= 1
    assert 0.001 < row['latency_seconds'] < row['seconds'] and row['measure_seconds'] > 1
    assert 200 < row['peak_mb'] < 5000 and row['flops'] > 10 * row['parameters']
    assert row['note'] == ''
    others = [row for row in rows_of(out) if row['kind'] != 'fine-tuning' or row['error']]
    assert others and not any(row['latency_seconds'] for row in others)


def test_a_dry_run_knows_times_once_measured(out, folder):
    said = []
    plan = folder / 'longer.yaml'
    plan.write_text(PLAN.replace('seeds: 0', 'seeds: [0, 1]'))
    compare(plan, out, 1, None, None, True, TRAIN, said.append)
    lines = '\n'.join(said).splitlines()
    (waiting,) = [
        line for line in lines if line.startswith('fine-tuning  stage') and '  1  ' in line
    ]
    assert waiting.endswith((' s', ' min')) and 'about' in lines[-1]


def test_the_page_shows_pictures_under_ours_and_theirs(out):
    images = re.findall(r'alt="(\w+): .*?, (\w+): ', (out / 'page.html').read_text())
    panels = ['labels', 'random', 'stage', 'other']
    assert images == [(which, name) for which in ('best', 'worst') for name in panels]
    assert (out / 'page.html').stat().st_size < 5e6


def test_the_config_of_a_run_stands_in_its_folder(out, folder):
    row = next(
        row for row in rows_of(out) if row['name'] == 'fine-tuning_stage_6_seed0_steps2_lr0.001'
    )
    cfg = Config.fromfile(out / 'runs' / f'{row["name"]}_{row["hash"]}' / 'config.py')
    labelled = json.loads(Path(cfg.train_dataloader.dataset.ann_file).read_text())
    assert len(labelled['images']) == 6 and cfg.val_evaluator.ann_file == str(
        folder / 'mine/annotations/val.json'
    )
    assert (
        Path(cfg.load_from).is_file() and cfg.train_cfg.max_iters == 2 and cfg.randomness.seed == 0
    )


def test_the_page_shows_ours_theirs_and_what_failed(out, folder):
    text = (out / 'page.html').read_text()
    assert '<td>other</td><td>6</td><td></td><td>100.0</td>' in text
    assert 'fine-tuning_broken_6_seed0_steps2_lr0.001' in text
    assert 'one pair, which shows nothing' in text and '<svg' in text
    assert 'left' in (folder / 'said.txt').read_text()


def test_a_table_of_another_kind_is_set_aside(tmp_path):
    (tmp_path / 'records.csv').write_text('a,b\n1,2\n')
    before = (tmp_path / 'records.csv').read_text()
    assert 'will be set aside' in read_or_set_aside(tmp_path / 'records.csv', touch=False)[1]
    assert (tmp_path / 'records.csv').read_text() == before
    rows, note = read_or_set_aside(tmp_path / 'records.csv', touch=True)
    (aside,) = tmp_path.glob('records.aside-*.csv')
    assert not rows and aside.name in note and aside.read_text() == 'a,b\n1,2\n'


def test_a_dry_run_prints_the_table_alone(folder, tmp_path):
    said = []
    compare(folder / 'mine', tmp_path / 'none', 1, None, None, True, TRAIN, said.append)
    assert not (tmp_path / 'none').exists()
    lines = '\n'.join(said).splitlines()
    assert sum(line.startswith('fine-tuning') for line in lines) == 2 * 2 * 3
    assert sum(line.startswith('pretraining') for line in lines) == 2


def test_val_pictures_are_left_out_by_content(folder):
    source = Source(folder / 'mine')
    copied = source.pictures / 'unlabelled/copy.jpg'
    listed = folder / 'mine/annotations/pretrain.txt'
    before = listed.read_text()
    shutil.copy(source.pictures / source.val['images'][0]['file_name'], copied)
    try:
        listed.write_text(before + 'unlabelled/copy.jpg\n')
        assert check_val(source) == before.splitlines()
        source.train['images'].append(
            dict(id=99, file_name='unlabelled/copy.jpg', width=64, height=64)
        )
        with pytest.raises(
            InputError, match='1 training pictures are val pictures by their content'
        ):
            check_val(source)
    finally:
        listed.write_text(before)
        copied.unlink()


@pytest.mark.parametrize(
    'config, words',
    [
        ('print(', 'cannot be read'),
        ("model = dict(type='Nothing', backbone=dict())", 'cannot be read'),
    ],
)
def test_a_detector_that_is_none_is_refused_first(folder, tmp_path, config, words):
    (folder / 'none.py').write_text(config)
    (folder / 'bad.yaml').write_text('data: mine\narms: {a: {start: random, config: none.py}}\n')
    with pytest.raises(InputError, match=words):
        compare(folder / 'bad.yaml', tmp_path / 'none', 1, None, None, False, TRAIN)
    assert not (tmp_path / 'none').exists()


@pytest.mark.parametrize('name', ['finetune', 'pretrain', 'annotations'])
def test_a_plan_named_like_a_folder_of_a_training_is_refused(folder, name):
    plan = folder / f'{name}.yaml'
    plan.write_text(PLAN)
    before = sorted((folder / 'mine').glob(f'{name}*'))
    with pytest.raises(InputError, match=f'mine/{name} is .* name another --out, or the plan'):
        compare(plan, None, 1, None, None, False, TRAIN)
    assert sorted((folder / 'mine').glob(f'{name}*')) == before


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match='has no finetune.py'):
        compare(tmp_path, None, 1, None, None, True, TRAIN)
