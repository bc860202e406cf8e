"""Runs, each a process of its own with a time limit, and the rows that they leave."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import mmdet
import torch

from .. import __version__
from ..engine.peak_memory import PEAK_MEMORY_FILE
from ..engine.room import PR_SET_PDEATHSIG
from .configs import Configs
from .labels import LabelFiles
from .machine import commit, device
from .records import COLUMNS
from .runs import Run
from .scores import read_results, score

POLL = 0.2  # seconds
NO_WEIGHTS = ('running_mean', 'running_var', 'num_batches_tracked')


@dataclass
class Process:
    """A process under way, or over.

    Attributes:
        limit: Seconds that it may take.
        over: When it ended; None before.
    """

    popen: subprocess.Popen
    begun: float
    limit: float
    log: Path
    over: float | None = None

    def __post_init__(self) -> None:
        # the runner scores other runs meanwhile, which is none of this one's seconds
        self.watch = threading.Thread(target=self._wait, daemon=True)
        self.watch.start()

    def _wait(self) -> None:
        self.popen.wait()
        self.over = time.time()

    def seconds(self) -> float:
        """Of the process, from its start to its own end."""
        return round((self.over or time.time()) - self.begun, 1)

    def ended(self) -> bool:
        return self.over is not None or time.time() - self.begun > self.limit

    def stop(self) -> str:
        """End it and all that it started; why that was no good end, or nothing."""
        if self.over is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.watch.join()
            return f'it ran past its limit of {self.limit:.0f} s: raise --time-limit'
        status = self.popen.returncode
        return f'status {status}: {_last_line(self.log)}' if status else ''


@dataclass
class Training:
    """A run under way: its training, and after a fine-tuning the measuring of what was trained.

    Attributes:
        process: The one of the two that is under way.
        seconds, error: Of the training once it ended; no error where it ended well.
        measuring: Whether it is the second.
    """

    run: Run
    process: Process
    seconds: float = 0.0
    error: str = ''
    measuring: bool = False


class Workshop:
    """Starts runs and reads what came out.

    Args:
        train: tools/train.py.
        data: Name of the data, for the rows.
    """

    def __init__(
        self, configs: Configs, labels: LabelFiles, train: Path, data: str, threads: int
    ) -> None:
        self.configs, self.labels, self.train, self.data, self.threads = (
            configs,
            labels,
            train,
            data,
            threads,
        )
        self.same = dict(
            device=device(),
            threads=threads,
            torch=torch.__version__,
            mmdet=mmdet.__version__,
            ocrnet_mmdet=__version__,
            commit=commit(train.parents[1]),
        )

    def begin(self, run: Run, limit: float) -> Training:
        """Start a run anew; what a kill left of it is removed."""
        folder = self.configs.folder(run)
        shutil.rmtree(folder, ignore_errors=True)
        config = self.configs.write(run, *self.labels.of(run))
        return Training(run, self._start([str(self.train), str(config)], folder / 'log.txt', limit))

    def goes_on(self, training: Training) -> bool:
        """Whether a process that ended has another one after it, which begins."""
        if training.measuring:
            return False
        training.seconds = training.process.seconds()
        training.error = training.process.stop()
        if training.error or training.run.kind != 'fine-tuning':
            return False
        folder = self.configs.folder(training.run)
        command = ['-m', 'ocrnet_mmdet.compare.measure', str(folder / 'config.py')]
        command += [str(self._checkpoint(training.run)), str(folder / 'measures.json')]
        limit = training.process.limit
        training.process = self._start(command, folder / 'measure_log.txt', limit)
        training.measuring = True
        return True

    def _start(self, command: Sequence[str], log: Path, limit: float) -> Process:
        root = str(self.train.parents[1])
        path = os.pathsep.join([root, *filter(None, [os.environ.get('PYTHONPATH')])])
        with open(log, 'w') as file:
            popen = subprocess.Popen(
                [sys.executable, '-W', 'ignore', *command],
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
                env=dict(os.environ, OMP_NUM_THREADS=str(self.threads), PYTHONPATH=path),
            )
        return Process(popen, time.time(), limit, log)

    def finish(self, training: Training, stage_seconds: float, choice_seconds: float) -> dict:
        """The row of a run that ended, or ran past its limit."""
        run, seconds = training.run, training.seconds
        row = (
            dict.fromkeys(COLUMNS)
            | asdict(run)
            | dict(name=run.name, data=self.data, seconds=seconds, note='', **self.same)
            | dict(error=training.error)
        )
        if run.kind == 'fine-tuning':
            row |= dict(
                stage_seconds=stage_seconds,
                choice_seconds=choice_seconds,
                total_seconds=round(stage_seconds + seconds, 1),
            )
        if training.error:
            return row
        try:
            row |= self._results(run)
        except Exception as error:  # of one run's files: the other runs go on
            return row | dict(error=f'its results cannot be read: {type(error).__name__}: {error}')
        return row | self._measured(training) if training.measuring else row

    def _measured(self, training: Training) -> dict:
        found = dict(measure_seconds=training.process.seconds())
        if wrong := training.process.stop():
            return found | dict(note=f'not measured: {wrong}')
        return found | json.loads((self.configs.folder(training.run) / 'measures.json').read_text())

    def _checkpoint(self, run: Run) -> Path:
        return self.configs.folder(run) / 'work' / f'iter_{run.steps}.pth'

    def _results(self, run: Run) -> dict:
        folder = self.configs.folder(run)
        found: dict = dict(step_seconds=_step_seconds(folder / 'work'))
        if run.kind not in ('tuning', 'fine-tuning'):
            return found
        _, scored = self.labels.of(run)
        for kind in ('segm', 'bbox'):
            if (file := folder / f'results.{kind}.json').exists():
                found |= score(scored, read_results(file), kind, self.configs.source.classes)
        checkpoint = self._checkpoint(run)
        found['parameters'] = _parameters(checkpoint)
        found |= json.loads((folder / 'work' / PEAK_MEMORY_FILE).read_text())
        if run.kind == 'tuning':
            checkpoint.unlink()
        return found


def execute(
    next_runs: Callable[[], list[Run]],
    workshop: Workshop,
    jobs: int,
    limit: Callable[[Run], float],
    begun: Callable[[Run], None],
    ended: Callable[[Training], None],
) -> None:
    """Run what can be run, ``jobs`` at a time, until nothing can.

    Ctrl-C and any error end the runs under way.

    Args:
        next_runs: Those that can begin now, without those that ended.
        ended: Is told of each run that did, to write its row.
    """
    running: list[Training] = []
    try:
        while True:
            busy = {training.run for training in running}
            for run in next_runs():
                if run not in busy and len(running) < jobs:
                    begun(run)
                    running.append(workshop.begin(run, limit(run)))
                    busy.add(run)
            if not running:
                return
            while not any(training.process.ended() for training in running):
                time.sleep(POLL)
            over = [training for training in running if training.process.ended()]
            for training in [training for training in over if not workshop.goes_on(training)]:
                running.remove(training)
                ended(training)
    finally:
        for training in running:
            training.process.stop()


def _end_with_parent() -> None:
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _last_line(log: Path) -> str:
    with open(log, errors='replace') as file:
        lines = deque((line for line in file if line.strip()), 1)
    return lines[0].strip() if lines else 'no output'


def _step_seconds(work: Path) -> float | None:
    """Median of those that were logged."""
    times = []
    for file in work.glob('*/vis_data/scalars.json'):
        lines = map(json.loads, file.read_text().splitlines())
        times += [line['time'] for line in lines if 'time' in line and 'loss' in line]
    return round(statistics.median(times), 4) if times else None


def _parameters(checkpoint: Path) -> int:
    # our own file
    state = torch.load(checkpoint, map_location='cpu', weights_only=False)['state_dict']
    return sum(value.numel() for key, value in state.items() if not key.endswith(NO_WEIGHTS))
