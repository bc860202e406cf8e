"""What a training goes on from, and what mmengine would take from it and say nothing of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from os.path import basename, join
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, find_latest_checkpoint

from ..checkpoint_loader import TRUST
from ..errors import InputError

NUMBERED = re.compile(r'[A-Za-z]+_(\d+)\.pth')  # iter_400.pth, epoch_3.pth; no best_*, no export


def checkpoint_folder(work_dir: str, out_dir: str | None) -> str:
    """Where mmengine's CheckpointHook writes: below ``out_dir`` in one named as the work folder."""
    if out_dir in (None, work_dir):
        return work_dir
    return join(out_dir, basename(work_dir.rstrip('/')))


def find_checkpoint(work_dir: str, out_dir: str | None = None) -> tuple[str | None, str]:
    """The checkpoint of this folder that ``--resume`` goes on from.

    It is the one that ``last_checkpoint`` names if it is whole, otherwise the newest whole one;
    wherever ``last_checkpoint`` points, no other folder is looked at.

    Args:
        out_dir: The config's ``default_hooks.checkpoint.out_dir``.

    Returns:
        The file, None where there is none; and a line that says why it is not simply the last one
        of the folder, or ''.
    """
    folder, note = Path(checkpoint_folder(work_dir, out_dir)), Path(work_dir, 'last_checkpoint')
    if '://' in str(out_dir):  # a store of mmengine's, which has its own way of writing
        return find_latest_checkpoint(work_dir), ''
    named, fault = '', f'there is no {note}'
    if note.is_file():
        named = note.read_bytes().decode(errors='replace').strip()
        fault = f'{note} names {named[:200]!r}' if named else f'{note} is empty'
    last = folder / Path(named).name
    if NUMBERED.fullmatch(last.name):
        reason = damage(last)
        if reason is None:
            moved = named and Path(named).resolve() != last.resolve()
            return str(last), f'{fault}: going on from {last}' * bool(moved)
        fault += f', which {reason}'
    whole = {
        file: saved
        for file in folder.glob('*_*.pth')
        if NUMBERED.fullmatch(file.name) and (saved := _saved(file))
    }
    if whole:
        newest = max(whole, key=whole.__getitem__)
        return str(newest), f'{fault}: going on from {newest}, the newest whole checkpoint there'
    return None, f'{fault}, and {folder} holds no whole checkpoint: a new training begins'


def damage(path: str | Path) -> str | None:
    """Why a checkpoint cannot be read, for "which ...", or None if it can."""
    if not Path(path).is_file():
        return 'is not there'
    try:
        _load(path)
    except Exception as error:  # of many kinds: torch's, zip's and pickle's
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:100]
        return f'cannot be read ({said})'
    return None


def _load(path: str | Path) -> object:
    trusted = TRUST in os.environ
    return torch.load(path, map_location='cpu', weights_only=None if trusted else True, mmap=True)


def _saved(path: Path) -> tuple[str, int] | None:
    """When a whole checkpoint was written by its own word (a copy is no newer), and its number."""
    if damage(path):
        return None
    content = _load(path)
    meta = content.get('meta') if isinstance(content, dict) else None
    number = int(path.stem.rpartition('_')[2])
    return (str(meta.get('time', '')), number) if isinstance(meta, dict) else None


def choose_checkpoint(cfg: Config, resume: str | None) -> None:
    """Set ``resume`` and ``load_from`` of a config by ``--resume``.

    Args:
        resume: A file, or 'auto' for the last one of the work folder. Where that holds none,
            ``load_from`` is where the training begins, and it is said.

    Raises:
        InputError: The file is cut off or damaged.
    """
    if resume == 'auto':
        file, note = find_checkpoint(cfg.work_dir, cfg.default_hooks.checkpoint.get('out_dir'))
        cfg.resume, cfg.load_from = file is not None, file or cfg.get('load_from')
        if note and int(os.environ.get('RANK', 0)) == 0:
            print(f'--resume: {note}')
    elif resume:
        reason = damage(resume)
        if reason:
            other, _ = find_checkpoint(str(Path(resume).parent))
            fix = (
                f'go on from {other}, which is whole' if other else 'its folder holds no whole one'
            )
            raise InputError(f'--resume {resume}: it {reason}: {fix}')
        cfg.resume, cfg.load_from = True, resume


def check_resume(runner: Runner, checkpoint: dict) -> None:
    """For a hook's ``after_load_checkpoint``; of a training alone, a test may be told to resume and
    does not.

    Raises:
        InputError: The run is resumed, and the file holds no state of a training; or its
            learning-rate schedules end elsewhere than the config's: mmengine goes on with the
            file's, and beyond their end at the last rate.
    """
    if not runner._resume or not isinstance(runner.optim_wrapper, OptimWrapper):
        return
    file = resumed_file(runner)
    checkpoint.get('meta', {}).pop('config', None)  # none of mmengine's own, which would run it
    if 'iter' not in checkpoint.get('meta', {}) or (
        runner.param_schedulers and 'param_schedulers' not in checkpoint
    ):
        raise InputError(
            f'{file} holds no training to go on with, or not its learning-rate schedule: leave '
            f'--resume out and set load_from={file}'
        )
    then, now = (
        list(_ends(schedules or []))
        for schedules in (checkpoint.get('param_schedulers'), runner.param_schedulers)
    )
    if now and then != now:
        raise InputError(
            f"{file} is of a run whose learning-rate schedules end at {then}, the config's end at "
            f'{now}, '
            'which --resume does not change: resume with the length, batch size and number of '
            f'GPUs that it had, or begin a new run from its weights, load_from={file}'
        )


def resumed_file(runner: Runner) -> str | None:
    """The file that a resumed run goes on from, None where there was none; asked before it writes a
    checkpoint.
    """
    return runner._load_from or find_latest_checkpoint(runner.work_dir)


def _ends(schedules: list | dict) -> Iterator[int]:
    """Of schedulers or of their states; of several optimisers' in a row."""
    groups = schedules.values() if isinstance(schedules, dict) else [schedules]
    for schedule in (schedule for group in groups for schedule in group):
        yield schedule['end'] if isinstance(schedule, dict) else schedule.end
