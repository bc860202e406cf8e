"""What is raised before the first step of a training or a test is over, as one line that names the
options.
"""

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

    def after_test_iter(self, runner: Runner, *args, **kwargs) -> None:
        self.taken = True


@contextmanager
def explained(options: dict, work_dir: str) -> Iterator[FirstStep]:
    """For building and running a training or a test with ``options`` of the command line; gives its
    hook.

    mmengine, mmdet and torch read most options where they are used, and say what is wrong in their
    own words.

    Raises:
        InputError: Something was raised before the first step was over, and there are options. Its
            traceback is in ``work_dir``. Without options it goes on as it is, and so does an error
            of a file that no option names.
    """
    first_step = FirstStep()
    try:
        yield first_step
    except InputError:
        raise
    except Exception as error:
        named = _spoken_of(options, str(error))
        if first_step.taken or not options or isinstance(error, OSError) and not named:
            raise
        given = ' '.join(f'{name}={value}' for name, value in (named or options).items())
        raise InputError(
            f'{"option" if named else "one of the options"} {given[:200]}: '
            f'{_said(error)} (all of it: {_kept(work_dir)})'
        ) from error


def _spoken_of(options: dict, message: str) -> dict:
    """Those that a message names, or whose value it does."""
    return {
        name: value
        for name, value in options.items()
        if name.split('.')[-1] in message or len(str(value)) > 1 and str(value) in message
    }


def _said(error: Exception) -> str:
    line = ' '.join(str(error).split())
    line = line if len(line) < 180 else f'{line[:120]} ... {line[-50:]}'
    return f'{type(error).__name__}: {line}'


def _kept(work_dir: str) -> Path:
    path = Path(work_dir) / TRACEBACK
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(traceback.format_exc(), encoding='utf-8')
    return path
