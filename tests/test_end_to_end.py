"""The tools as a user runs them, on a small generated data set: train, score, resume, infer, and
bad input.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from mmdet.apis import DetInferencer

from demo.data_set import make_demo_set

from .detectors import ROOT

STEPS = 4
SMALL = [  # four steps of a narrow net
    'model.backbone.width=0.25',
    'model.neck.in_channels=[16,32,64,128]',
    f'train_cfg.max_iters={STEPS}',
    'train_cfg.val_interval=2',
    'param_scheduler.0.end=2',
    'param_scheduler.1.begin=2',
    f'param_scheduler.1.end={STEPS}',
    'param_scheduler.1.T_max=2',
    'default_hooks.checkpoint.interval=2',
    'default_hooks.logger.interval=1',
    'randomness.seed=0',
    'randomness.deterministic=True',
    'model.test_cfg.rcnn.score_thr=0.0',
    *[
        f'{loader}_dataloader.{key}'
        for loader in ('train', 'val', 'test')
        for key in ('num_workers=0', 'persistent_workers=False')
    ],
]


def run(tool: str, *args: str, cwd=ROOT) -> subprocess.CompletedProcess:
    env = dict(os.environ, OMP_NUM_THREADS='1')
    env.pop('PYTHONPATH', None)
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools' / tool), *args],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )


def train(data, work_dir, *options, extra=(), cwd=ROOT) -> subprocess.CompletedProcess:
    return run(
        'train.py',
        str(ROOT / 'configs/demo/ocrnet_demo.py'),
        '--work-dir',
        str(work_dir),
        *extra,
        '--cfg-options',
        f'data_root={data}/',
        f'val_evaluator.outfile_prefix={work_dir}/val',
        *SMALL,
        *options,
        cwd=cwd,
    )


def last_scores(work_dir) -> dict:
    lines = [
        json.loads(line)
        for path in sorted(work_dir.glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return {
        k: v
        for k, v in [line for line in lines if 'coco/bbox_mAP' in line][-1].items()
        if k.startswith('coco/')
    }


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'demo'
    make_demo_set(str(out), train=8, val=4, unlabelled=0, size=96)
    return out


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    """A finished training, started from a foreign folder."""
    work_dir = tmp_path_factory.mktemp('work')
    done = train(data, work_dir, cwd=work_dir)
    assert done.returncode == 0, done.stderr[-2000:]
    (work_dir / 'terminal.txt').write_text(done.stdout + done.stderr)
    return work_dir


def test_before_the_first_step_a_screen_says_what_runs(trained):
    before = (trained / 'terminal.txt').read_text().partition('Iter(train)')[0].splitlines()
    assert len(before) < 24
    said = dict(line.split(maxsplit=1) for line in before)
    assert said['data'].startswith('8 pictures to train on, 4 to score on')
    assert said['classes'] == 'star, ring, cross, leaf, crescent'
    assert said['schedule'].startswith(f'{STEPS} steps of 4 pictures, scored every 2')
    assert said['results'].startswith(str(trained))


def test_the_rest_is_in_the_log_file(trained):
    log = next(trained.glob('*/*.log')).read_text()
    terminal = (trained / 'terminal.txt').read_text()
    for noise in (
        'System environment',
        'Hooks will be executed',
        'creating index',
        'torch.meshgrid',
    ):
        assert noise in log and noise not in terminal, noise
    assert 'Could not import' not in terminal and 'faster_coco_eval' not in terminal
    assert '| star ' in terminal  # the table of classes


def test_training_scores_and_leaves_the_last_checkpoint(trained):
    scores = last_scores(trained)
    assert 0 <= scores['coco/bbox_mAP'] <= 1 and 0 <= scores['coco/segm_mAP'] <= 1
    assert (trained / 'last_checkpoint').read_text().endswith(f'iter_{STEPS}.pth')


def test_the_checkpoint_is_scored_to_the_same_numbers(data, trained):
    """Four steps' AP is 0, so the detections behind the scores are compared too."""
    done = run(
        'test.py',
        str(trained / 'ocrnet_demo.py'),
        str(trained / f'iter_{STEPS}.pth'),
        '--work-dir',
        str(trained / 'test'),
        '--out',
        str(trained / 'found.pkl'),
        '--show-dir',
        'shown',
        '--cfg-options',
        f'test_evaluator.outfile_prefix={trained}/test',
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(next((trained / 'test').glob('*/*.json')).read_text())
    for key, value in last_scores(trained).items():
        # nan: no object of the class
        assert result[key] == pytest.approx(value, abs=1e-3, nan_ok=True), key
    in_training, again = [
        json.loads((trained / f'{name}.bbox.json').read_text()) for name in ('val', 'test')
    ]
    assert len(again) == 400 and [d['category_id'] for d in again] == [
        d['category_id'] for d in in_training
    ]
    for a, b in zip(again, in_training):
        assert a['bbox'] == pytest.approx(b['bbox'], abs=1e-2)
    assert (trained / 'found.pkl').stat().st_size > 1000
    assert len(list((trained / 'test').glob('*/shown/*'))) == 4


def test_resuming_goes_on_with_step_schedule_and_optimiser(data, trained, tmp_path):
    first = train(data, tmp_path, 'train_cfg.max_iters=2')
    assert first.returncode == 0, first.stderr[-2000:]
    second = train(data, tmp_path, extra=('--resume',))
    assert second.returncode == 0, second.stderr[-2000:]
    rates = [
        [
            line['lr']
            for path in sorted(folder.glob('*/vis_data/scalars.json'))
            for line in map(json.loads, path.read_text().splitlines())
            if 'lr' in line
        ]
        for folder in (tmp_path, trained)
    ]
    assert rates[0] == rates[1] and len(rates[0]) == STEPS
    state = torch.load(tmp_path / f'iter_{STEPS}.pth', weights_only=False)['optimizer']['state']
    assert {float(s['step']) for s in state.values()} == {STEPS}


def test_inference_from_the_checkpoint_alone(data, trained):
    picture = str(next((data / 'val').iterdir()))
    checkpoint = str(trained / f'iter_{STEPS}.pth')
    found = [
        DetInferencer(model, checkpoint, device='cpu', show_progress=False)(picture)['predictions'][
            0
        ]
        for model in (str(trained / 'ocrnet_demo.py'), None)
    ]
    assert found[0]['scores'] and found[0]['scores'] == found[1]['scores']


def test_test_time_augmentation_scores_boxes(data, trained):
    done = run(
        'test.py',
        str(trained / 'ocrnet_demo.py'),
        str(trained / f'iter_{STEPS}.pth'),
        '--work-dir',
        str(trained / 'tta'),
        '--tta',
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(next((trained / 'tta').glob('*/*.json')).read_text())
    assert 'coco/bbox_mAP' in result and 'coco/segm_mAP' not in result


def test_a_checkpoint_of_another_architecture_is_refused(data, trained):
    done = train(
        data,
        trained / 'other',
        'model.neck.out_channels=32',
        'model.backbone.arch=conv8',
        f'load_from={trained}/iter_{STEPS}.pth',
    )
    assert done.returncode == 2
    assert 'error: ' in done.stderr and 'Traceback' not in done.stderr


def test_a_loss_that_is_not_finite_stops_the_training(data, trained, tmp_path):
    done = train(
        data,
        tmp_path,
        'optim_wrapper.optimizer.lr=1e30',
        'optim_wrapper.clip_grad=None',
        'default_hooks.checkpoint.interval=1',
    )
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert 'is not finite at step' in done.stderr
    assert '--resume' in done.stderr or 'no checkpoint' in done.stderr


@pytest.mark.parametrize(
    'options, words',
    [
        (['data_root=nowhere/'], ['nowhere', 'make demo']),
        (
            ["train_dataloader.dataset.metainfo.classes=('star','ring','cross','leaf','unicorn')"],
            ['unicorn'],
        ),
        (['max_iters=9'], ['train_cfg.max_iters']),
        (['model.roi_head.bbox_head.num_classes=9'], ['num_classes', '5']),
    ],
)
def test_bad_input_is_one_line_with_the_fix_and_leaves_nothing(data, tmp_path, options, words):
    done = train(data, tmp_path / 'work', *options)
    assert done.returncode == 2, done.stderr[-2000:]
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith('error: ') and all(word in line for word in words), line
    assert not (tmp_path / 'work').exists()


def test_bad_pictures_are_named_and_can_be_skipped(data, tmp_path):
    broken = tmp_path / 'data'
    shutil.copytree(data, broken)
    bad = sorted((broken / 'train').iterdir())[0]
    bad.write_bytes(bad.read_bytes()[:300])
    done = train(broken, tmp_path / 'a')
    assert done.returncode == 2 and bad.name in done.stderr.strip().splitlines()[-1]
    done = train(broken, tmp_path / 'b', extra=('--skip-bad-images',))
    assert done.returncode == 0, done.stderr[-2000:]
    assert bad.name in done.stderr + done.stdout
