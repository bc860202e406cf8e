"""Which start, at how many labels, on my pictures: trainings side by side (tools/compare.py)."""

from __future__ import annotations

import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .comparison import Comparison, Say
from .plan import default_plan
from .plan_file import data_of, read_plan
from .source import Source

__all__ = ['compare']


def compare(
    source: Path,
    out: Path | None,
    jobs: int,
    budget: float | None,
    time_limit: float | None,
    dry_run: bool,
    train: Path,
    say: Say = print,
) -> Path | None:
    """Run what a plan asks and write ``records.csv`` and ``page.html``.

    Args:
        source: The folder that tools/start.py wrote, or a plan in YAML.
        out: Folder of the results; None takes ``compare`` in the folder, for a plan its name.
        jobs: Runs side by side.
        budget: Seconds for all runs; what matters least is dropped.
        time_limit: Seconds of a run; None takes five times what is expected, 15 minutes at least.
        dry_run: Only print the table of runs.
        train: tools/train.py.
        say: Prints a line.

    Returns:
        The page.

    Raises:
        InputError: The plan, the data or the folder of the results are refused; or no run came to
            its end.
    """
    if not source.exists():
        raise InputError(
            f'{source} does not exist: name the folder that tools/start.py wrote, or a plan in YAML'
        )
    folder = Source(data_of(source) if source.is_file() else source)
    plan = read_plan(source, folder.folder()) if source.is_file() else default_plan(folder.folder())
    out = (out or folder.path / ('compare' if source.is_dir() else source.stem)).resolve()
    if out in folder.taken():
        raise InputError(
            f'{out} is the folder of the annotations or of a training: name another --out'
            + (', or the plan otherwise' if source.is_file() else '')
        )
    comparison = Comparison(folder, plan, out, jobs, train, say)
    if dry_run:
        comparison.read_records(touch=False)
        comparison.say_plan()
        return None
    with _alone(out), _stopped_by_term():
        comparison.read_records(touch=True)
        return comparison.run(budget, time_limit)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One comparison at a time in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / '.lock', 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f'{out} is in use by another comparison: wait for it, or name another --out'
            ) from error
        yield


@contextmanager
def _stopped_by_term() -> Iterator[None]:
    """SIGTERM ends the runs under way as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
