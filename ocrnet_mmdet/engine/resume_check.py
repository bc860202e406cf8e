"""What mmengine would take from a checkpoint on ``--resume``, and say nothing of."""
from mmengine.runner import Runner

from ..errors import InputError


def check_resume(runner: Runner, checkpoint: dict) -> None:
    """For a hook's ``after_load_checkpoint``.

    Raises:
        InputError: The run is resumed, and the file holds weights alone, or its learning-rate schedule ends at
            another step than the config's: mmengine goes on with the file's, and beyond its end at its last rate.
    """
    if not runner._resume:
        return
    file = runner._load_from or f'the last checkpoint in {runner.work_dir}'
    if 'optimizer' not in checkpoint:
        raise InputError(f'{file} holds weights alone, no training to go on with: leave --resume out and set load_from={file}')
    then, now = ([_end(schedule) for schedule in schedules] for schedules in (
        checkpoint.get('param_schedulers') or [], runner.param_schedulers or []))
    if then and then != now:
        raise InputError(f'{file} is of a run whose learning-rate schedules end at {then}, the config\'s end at {now}, '
                         'which --resume does not change: resume with the length that it had (max_iters), or begin '
                         f'a new run from its weights, load_from={file}')


def _end(schedule: object) -> object:
    """Of a scheduler, or of one's state; of the name, where an optimiser of several has a list of them."""
    return schedule if isinstance(schedule, str) else schedule['end'] if isinstance(schedule, dict) else schedule.end
