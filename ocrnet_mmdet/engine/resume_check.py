"""What mmengine would take from a checkpoint on ``--resume``, and say nothing of."""
from collections.abc import Iterator

from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, find_latest_checkpoint

from ..errors import InputError


def check_resume(runner: Runner, checkpoint: dict) -> None:
    """For a hook's ``after_load_checkpoint``; of a training alone, a test may be told to resume and does not.

    Raises:
        InputError: The run is resumed, and the file holds no state of a training; or its learning-rate schedules end
            elsewhere than the config's: mmengine goes on with the file's, and beyond their end at the last rate.
    """
    if not runner._resume or not isinstance(runner.optim_wrapper, OptimWrapper):
        return
    file = resumed_file(runner)
    if 'iter' not in checkpoint.get('meta', {}) or (runner.param_schedulers and 'param_schedulers' not in checkpoint):
        raise InputError(f'{file} holds no training to go on with, or not its learning-rate schedule: leave --resume '
                         f'out and set load_from={file}')
    then, now = (list(_ends(schedules or [])) for schedules in (
        checkpoint.get('param_schedulers'), runner.param_schedulers))
    if now and then != now:
        raise InputError(f'{file} is of a run whose learning-rate schedules end at {then}, the config\'s end at {now}, '
                         'which --resume does not change: resume with the length, batch size and number of GPUs that it '
                         f'had, or begin a new run from its weights, load_from={file}')


def resumed_file(runner: Runner) -> str | None:
    """The file that a resumed run goes on from, None where there was none; asked before it writes a checkpoint."""
    return runner._load_from or find_latest_checkpoint(runner.work_dir)


def _ends(schedules: list | dict) -> Iterator[int]:
    """Of schedulers or of their states; of several optimisers' in a row."""
    groups = schedules.values() if isinstance(schedules, dict) else [schedules]
    for schedule in (schedule for group in groups for schedule in group):
        yield schedule['end'] if isinstance(schedule, dict) else schedule.end
