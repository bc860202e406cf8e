"""A run that is stopped anywhere loses nothing, and touches nothing outside its folder."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from ocrnet_mmdet.engine import stop_signals
from ocrnet_mmdet.engine.stop_signals import stop_after_step

from .finetunings import (
    KillAt,
    Killed,
    best_score,
    make_config,
    names,
    scores,
    start,
    weights,
    write_data,
)

STEPS = 6
LAST = f'iter_{STEPS}.pth'


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    """Sums differ in their last bits with the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp('data') / 'demo')


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    """The work folder of a run that was never stopped. Saves: 2, best 2, 2; 4, best 4, 4; 6."""
    folder = tmp_path_factory.mktemp('whole')
    start(make_config(data, folder))
    return folder


def kill(data, folder: Path, place: str, count: int, **config) -> None:
    with pytest.raises(Killed):
        start(make_config(data, folder, **config), KillAt(place, count))


def resume(data, folder: Path, file: Path | None = None, **config):
    cfg = make_config(data, folder, **config)
    cfg.resume, cfg.load_from = True, file and str(file)
    return start(cfg)


def assert_same_end(folder: Path, whole: Path) -> None:
    assert names(folder) == names(whole)
    for name in [path.name for path in whole.glob('*.pth')]:
        ours, theirs = weights(folder / name), weights(whole / name)
        assert not [key for key in theirs if not ours[key].equal(theirs[key])], name
    assert best_score(folder / LAST) == best_score(whole / LAST)
    assert scores(folder)[-1] == scores(whole)[-1]


@pytest.mark.parametrize(
    'place, count, workers',
    [
        ('before_val', 3, 2),  # the last validation
        ('before_save_checkpoint', 5, 0),  # the best is known and not yet written
        ('before_save_checkpoint', 6, 0),  # ... written, and no checkpoint knows it
        ('before_train_iter', 6, 2),
    ],
)
def test_a_killed_run_ends_as_if_never_stopped(data, whole, tmp_path, place, count, workers):
    kill(data, tmp_path, place, count, workers=workers)
    resume(data, tmp_path, workers=workers)
    assert_same_end(tmp_path, whole)


@pytest.mark.parametrize('name', ['iter_2.pth', 'best_coco_bbox_mAP_iter_2.pth'])
def test_what_a_kill_left_of_old_files_goes_later(data, whole, tmp_path, monkeypatch, name):
    def unlink(path, missing_ok=False):
        if path.name == name:
            raise Killed
        os.unlink(path) if path.exists() else None

    monkeypatch.setattr(Path, 'unlink', unlink)
    with pytest.raises(Killed):
        start(make_config(data, tmp_path))
    monkeypatch.undo()
    assert name in names(tmp_path)
    resume(data, tmp_path)
    assert_same_end(tmp_path, whole)


def test_a_finished_run_that_is_resumed_stays_as_it_is(data, whole, tmp_path):
    shutil.copytree(whole, tmp_path / 'again')
    resume(data, tmp_path / 'again')
    assert_same_end(tmp_path / 'again', whole)
    assert len(scores(tmp_path / 'again')) == len(scores(whole)) + 1


def contents(folder: Path) -> dict:
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_a_copied_folder_goes_on_by_itself(data, whole, tmp_path):
    kill(data, tmp_path / 'original', 'before_train_iter', 4)
    shutil.copytree(tmp_path / 'original', tmp_path / 'copy')
    before = contents(tmp_path / 'original')
    resume(data, tmp_path / 'copy')
    assert contents(tmp_path / 'original') == before
    assert_same_end(tmp_path / 'copy', whole)


def test_a_run_from_another_folders_file_has_a_best_of_its_own(data, whole, tmp_path):
    before = contents(whole)
    (tmp_path / 'iter_4.pth').write_bytes(b'of somebody else')
    resume(data, tmp_path, whole / 'iter_4.pth')
    assert contents(whole) == before
    assert (tmp_path / 'iter_4.pth').read_bytes() == b'of somebody else'
    assert len(list(tmp_path.glob('best_*'))) == 1


def test_what_a_checkpoint_says_of_files_outside_is_not_believed(data, tmp_path):
    kill(data, tmp_path / 'work', 'before_train_iter', 3)
    outside = [tmp_path / name for name in ('best_x_iter_2.pth', 'iter_2.pth', 'x.pth')]
    for path in outside:
        path.write_bytes(b'precious')
    file = tmp_path / 'work/iter_2.pth'
    content = torch.load(file, weights_only=True)
    content['message_hub']['runtime_info'].update(
        best_ckpt='../x.pth',
        best_score=-9.0,
        keep_ckpt_ids=['../../iter_2', 2, '/../../x'],
        last_ckpt=str(outside[1]),
    )
    content['meta']['config'] = f"open({str(tmp_path / 'ran')!r}, 'w')"
    torch.save(content, file)
    (tmp_path / 'work/last_checkpoint').write_text('../iter_2.pth')
    resume(data, tmp_path / 'work')
    assert [path.read_bytes() for path in outside] == [b'precious'] * 3
    assert not (tmp_path / 'ran').exists()


class FullDisk(Hook):
    """From the ``count``-th file on, a file is written by half."""

    def __init__(self, monkeypatch, count: int) -> None:
        self.left, write = count, Path.write_bytes

        def write_bytes(path, content):
            self.left -= 1
            if self.left > 0:
                return write(path, content)
            write(path, content[: len(content) // 2])
            raise OSError(28, 'No space left on device')

        monkeypatch.setattr(Path, 'write_bytes', write_bytes)


@pytest.mark.parametrize(
    'count, keep, left',
    [
        (4, 1, {'iter_2.pth', 'best_coco_bbox_mAP_iter_2.pth'}),  # iter_4 replaces iter_2
        (5, 1, {'iter_4.pth', 'best_coco_bbox_mAP_iter_2.pth'}),  # the best of 4 replaces that of 2
    ],
)
def test_a_full_disk_leaves_the_earlier_files(data, tmp_path, monkeypatch, count, keep, left):
    cfg = make_config(data, tmp_path)
    cfg.default_hooks.checkpoint.max_keep_ckpts = keep
    with pytest.raises(OSError, match='No space left.*iter_4.pth'):
        start(cfg, FullDisk(monkeypatch, count))
    besides = {'last_checkpoint', 'ocrnet_demo.py', 'val_detections.bbox.json'}
    assert names(tmp_path) == left | besides
    assert all(weights(tmp_path / name) for name in left)


def test_only_parts_that_a_killed_run_left_are_removed(data, tmp_path):
    part, other = tmp_path / f'iter_2.pth.{"0" * 32}.part', tmp_path / 'mine.part'
    for path in (part, other):
        path.write_bytes(b'half')
    start(make_config(data, tmp_path, steps=2))
    assert not part.exists() and other.exists()


@pytest.fixture
def ctrl_c():
    """As in a terminal; a test suite in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Press(Hook):
    """Sends a signal in a step, or in a validation."""

    def __init__(self, place: str, count: int, signum: int) -> None:
        self.left, self.signum = count, signum
        setattr(self, place, self._count)

    def _count(self, *args, **kwargs) -> None:
        self.left -= 1
        if not self.left:
            signal.raise_signal(self.signum)


@pytest.mark.parametrize(
    'place, count, signum, saved',
    [
        ('before_train_iter', 3, signal.SIGINT, 'iter_3.pth'),
        ('before_train_iter', 5, signal.SIGTERM, 'iter_5.pth'),
        ('before_val_iter', 3, signal.SIGINT, 'iter_4.pth'),
    ],
)
def test_a_signal_saves_the_step_and_the_run_goes_on(
    ctrl_c, data, whole, tmp_path, place, count, signum, saved
):
    with pytest.raises(SystemExit) as end, stop_after_step():
        start(make_config(data, tmp_path, workers=2), Press(place, count, signum))
    assert end.value.code == 128 + signum
    assert (tmp_path / 'last_checkpoint').read_text().endswith(saved)
    log = next(tmp_path.glob('*/*.log')).read_text()
    said = f'stopped by {signum.name} after step {saved[5]}: {tmp_path}/{saved} holds the run'
    assert said in log
    resume(data, tmp_path, workers=2)
    theirs = weights(whole / LAST)
    assert all(value.equal(theirs[key]) for key, value in weights(tmp_path / LAST).items())
    assert best_score(tmp_path / LAST) == best_score(whole / LAST)
    assert len(list(tmp_path.glob('best_*'))) == 1


def test_a_second_ctrl_c_ends_at_once(ctrl_c, data, tmp_path, monkeypatch):
    monkeypatch.setattr(stop_signals, 'ONE_PRESS', -1.0)
    twice = [Press('before_train_iter', 3, signal.SIGINT) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt), stop_after_step():
        start(make_config(data, tmp_path), *twice)
    assert 'iter_3.pth' not in names(tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def epochs(data, folder: Path):
    cfg = make_config(data, folder)
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3, val_interval=1)
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    cfg.default_hooks.checkpoint.update(by_epoch=True, interval=1)
    cfg.param_scheduler, cfg.log_processor = [], dict(by_epoch=True)
    return cfg


def test_a_run_of_epochs_validates_what_was_due_too(data, tmp_path):
    start(epochs(data, tmp_path / 'whole'))
    with pytest.raises(Killed):
        start(epochs(data, tmp_path / 'killed'), KillAt('before_val', 3))
    cfg = epochs(data, tmp_path / 'killed')
    cfg.resume = True
    start(cfg)
    assert names(tmp_path / 'killed') == names(tmp_path / 'whole')
    assert scores(tmp_path / 'killed') == scores(tmp_path / 'whole')


class Tests(Hook):
    """Counts the scorings of the test data that came to their end."""

    count = 0

    def after_test_epoch(self, runner, metrics) -> None:
        self.count += 1


def test_a_run_killed_in_its_final_test_is_tested_on_resume(data, tmp_path):
    def final():
        cfg = make_config(data, tmp_path, steps=2)
        cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
        cfg.test_cfg = dict(type='TestLoop')
        cfg.custom_hooks.append(dict(type='OCRNetFinalTestHook'))
        return cfg

    with pytest.raises(Killed):
        start(final(), KillAt('before_test_iter', 2))
    cfg, tests = final(), Tests()
    cfg.resume = True
    start(cfg, tests)
    assert tests.count == 1


def test_ctrl_c_in_an_epoch_says_that_it_begins_anew(ctrl_c, data, tmp_path):
    with pytest.raises(SystemExit), stop_after_step():
        start(epochs(data, tmp_path), Press('before_train_iter', 3, signal.SIGINT))
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert f'in epoch 2, which begins anew: {tmp_path}/epoch_1.pth holds the run' in log
    assert os.listdir(tmp_path).count('epoch_1.pth') == 1
