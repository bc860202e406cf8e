"""What is raised before a training's first step is over, as one line that names the options behind it."""
from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..errors import InputError

TRACEBACK = 'start_error.txt'  # in the work folder


class FirstStep(Hook):
    """Remembers whether a step was taken."""

    taken = False

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        self.taken = True


@contextmanager
def explained(options: dict, work_dir: str) -> Iterator[FirstStep]:
    """For building and running a training with ``options`` of the command line; gives the hook that it needs.

    mmengine, mmdet and torch read most options where they are used, and say what is wrong in their own words.

    Raises:
        InputError: Something was raised before the first step was over, and there are options. Its traceback is in
            ``work_dir``. Without options it goes on as it is, and so does what says of itself how to mend it.
    """
    first_step = FirstStep()
    try:
        yield first_step
    except (InputError, OSError):
        raise
    except Exception as error:
        if first_step.taken or not options:
            raise
        raise InputError(f'{_named(options, str(error))}: {_said(error)} (all of it: {_kept(work_dir)})') from error


def _named(options: dict, message: str) -> str:
    """The options that a message speaks of by name or value; all of them if it speaks of none."""
    spoken_of = {name: value for name, value in options.items()
                 if name.split('.')[-1] in message or len(str(value)) > 1 and str(value) in message}
    text = ' '.join(f'{name}={value}' for name, value in (spoken_of or options).items())
    return f'option {text[:200]}' if spoken_of else f'one of the options {text[:200]}'


def _said(error: Exception) -> str:
    line = ' '.join(str(error).split())
    return f'{type(error).__name__}: {line if len(line) < 180 else line[:120] + " ... " + line[-50:]}'


def _kept(work_dir: str) -> Path:
    path = Path(work_dir) / TRACEBACK
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(traceback.format_exc(), encoding='utf-8')
    return path
