"""Full, read-only or limited disks end a tool in one line, with everything before it whole."""

import os
import resource
import subprocess
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from ocrnet_mmdet.cli import RIGHTS, one_line_errors, run_training
from ocrnet_mmdet.engine.resume_check import damage

from .engine import finetunings
from .pretraining import runs as pretrainings


def last_line(run, capsys) -> tuple[int, str]:
    """Exit status and last line of what a tool prints."""
    with pytest.raises(SystemExit) as end, one_line_errors():
        run()
    return end.value.code, capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    'error, words',
    [
        (
            OSError(28, 'No space left on device', 'a.pth'),
            'a.pth: No space left on device: make room',
        ),
        (OSError(27, 'File too large', 'a.json'), 'a.json: File too large: raise the limit'),
        (
            OSError(122, 'Disk quota exceeded'),
            'a file in the work folder or the temporary folder: Disk ',
        ),
        (
            PermissionError(13, 'Permission denied', 'a.json'),
            'a.json: Permission denied: correct its ',
        ),
        (OSError(30, 'Read-only file system', 'work'), 'work: Read-only file system: correct'),
        (
            NotADirectoryError(20, 'Not a directory', 'file/work'),
            'file/work: Not a directory: name ',
        ),
    ],
)
def test_what_a_disk_refuses_is_one_line_with_file_and_fix(error, words, capsys):
    def refuse():
        raise error

    status, line = last_line(refuse, capsys)
    assert status == 2 and line.startswith(f'error: {words}')


def test_another_error_of_the_system_is_a_defect():
    with pytest.raises(OSError, match='Bad file'), one_line_errors():
        os.close(12345)


def test_ctrl_c_before_the_first_step_is_one_line(capsys):
    def press():
        raise KeyboardInterrupt

    assert last_line(press, capsys) == (130, 'stopped by Ctrl-C')


SIZE = 16  # MiB: one checkpoint of the tiny detector is 9.6 MB, its weights are 3.2 MB


@pytest.fixture
def disk(tmp_path):
    """A disk of ``SIZE``."""
    place = tmp_path / 'disk'
    place.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', f'size={SIZE}m', 'tmpfs', place]
    if os.geteuid() or subprocess.run(mount).returncode:
        pytest.skip('only root can make a small disk')
    yield place
    subprocess.run(['umount', '-l', place], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), open(disk / 'filler', 'wb', buffering=0) as file:
        while True:
            file.write(b'x' * 4096)


def whole_checkpoints(folder: Path) -> list[str]:
    assert not list(folder.rglob('*.part'))
    assert not [path for path in folder.glob('*.pth') if damage(path)]
    return sorted(path.name for path in folder.glob('*.pth'))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return finetunings.write_data(tmp_path_factory.mktemp('data') / 'demo')


def finetuning(data, folder: Path, steps: int = 3, **more) -> Config:
    cfg = finetunings.make_config(data, folder, steps, interval=1)
    cfg.experiment_name = cfg.visualizer.name = uuid4().hex
    cfg.merge_from_dict(dict(val_dataloader=None, val_cfg=None, val_evaluator=None, **more))
    return cfg


def test_a_training_on_a_full_disk_keeps_what_it_had_and_goes_on(data, disk, capsys):
    status, line = last_line(lambda: run_training(finetuning(data, disk / 'work')), capsys)
    said = f'error: {disk}/work/iter_2.pth: No space left on device: make room'
    assert status == 2 and line.startswith(said)
    assert whole_checkpoints(disk / 'work') == ['iter_1.pth']
    subprocess.run(['mount', '-o', 'remount,size=64m', disk], check=True)
    run_training(finetuning(data, disk / 'work', resume=True))
    assert whole_checkpoints(disk / 'work') == ['iter_2.pth', 'iter_3.pth']


def test_a_limit_of_a_files_size_is_one_line(data, tmp_path, capsys):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 2**20, limits[1]))
    try:
        status, line = last_line(lambda: run_training(finetuning(data, tmp_path)), capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 2 and line.startswith(f'error: {tmp_path}/iter_1.pth: File too large: raise ')
    assert not whole_checkpoints(tmp_path)


@pytest.mark.parametrize('skip_bad', [False, True])
def test_a_disk_without_any_room_is_one_line(data, disk, capsys, skip_bad):
    fill(disk)
    cfg = finetuning(data, disk / 'work')
    status, line = last_line(lambda: run_training(cfg, skip_bad=skip_bad), capsys)
    assert status == 2 and 'No space left on device: make room' in line
    assert not whole_checkpoints(disk / 'work') and not list(disk.rglob('clean_*'))


def test_a_read_only_disk_is_one_line(data, disk, capsys):
    subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
    status, line = last_line(lambda: run_training(finetuning(data, disk / 'work')), capsys)
    assert (status, line) == (2, f'error: {disk}/work: Read-only file system: {RIGHTS}')


def test_a_full_disk_for_the_cache_ends_no_pretraining(disk, tmp_path):
    pictures = pretrainings.write_pictures(tmp_path / 'pictures', 4)
    (pictures / 'bad.png').write_bytes(b'no picture')
    cfg = pretrainings.make_config(pictures, tmp_path / 'work', 3)
    cfg.train_dataloader.dataset.bad_files = f'{disk}/bad_pictures.txt'
    cfg.train_dataloader.dataset.pipeline[1].cache_dir = f'{disk}/regions'
    pretrainings.start(cfg, Fill(disk))
    log = next((tmp_path / 'work').glob('*/*.log')).read_text()
    assert log.count('regions cannot be written to (No space left on device)') == 1
    assert log.count('bad_pictures.txt cannot be written (No space left on device)') == 1
    assert not list(disk.rglob('*.part')) and (tmp_path / 'work/pretrained_detector.pth').is_file()


class Fill(Hook):
    """The disk gets full once everything is open."""

    def __init__(self, disk: Path) -> None:
        self.disk = disk

    def before_train(self, runner) -> None:
        fill(self.disk)


def test_an_export_without_room_leaves_the_earlier_one(tmp_path, disk):
    pictures = pretrainings.write_pictures(tmp_path / 'pictures', 4)
    cfg = pretrainings.make_config(pictures, disk / 'work', 1)
    cfg.default_hooks.checkpoint.update(interval=10, save_last=False)
    (disk / 'work').mkdir()
    (disk / 'work/pretrained_detector.pth').write_bytes(b'an earlier one')
    (disk / 'filler').write_bytes(b'x' * (SIZE * 2**20 - 2000000))
    with pytest.raises(OSError, match='No space left on device.*pretrained_detector.pth'):
        pretrainings.start(cfg)
    assert (disk / 'work/pretrained_detector.pth').read_bytes() == b'an earlier one'
    assert not list(disk.rglob('*.part'))
