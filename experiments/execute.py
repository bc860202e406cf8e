"""Runs side by side, a process and a thread each, and their rows.

As a program it is such a process: python -m experiments.execute RUN, a run and its places as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from ocrnet_mmdet.compare.machine import commit, device
from ocrnet_mmdet.errors import InputError

from .places import file_to_start_from, work_dir
from .records import RECORDS, ROOT, Run, append, finished, read, row_of

MODULES = {
    'pretraining': 'pretraining',
    'tuning': 'finetuning',
    'fine-tuning': 'finetuning',
    'scoring': 'finetuning',
    'recall': 'recall',
    'cost': 'cost',
    'listing': 'listing',
    'suggesting': 'suggesting',
    'first': 'first_pictures',
}
LOG = 'log.txt'


def execute_all(runs: list[Run], data_root: Path, out: Path, jobs: int) -> None:
    """What is not finished yet, ``jobs`` at a time. A run that fails leaves a row with the reason.

    Raises:
        InputError: A run needs weights that are not there, or runs failed.
    """
    rows = read(out / RECORDS.name)
    missing = [run for run in runs if not finished(rows, run)]
    for run in missing:
        start = file_to_start_from(run, out)
        if start and not Path(start).exists():
            raise InputError(
                f'{run.study}/{run.name} needs {start}, which is not there: weights '
                'are not kept with records, so run the study that makes it, and '
                'this one, into an empty folder'
            )
    with ThreadPoolExecutor(jobs) as pool:
        ended = pool.map(lambda run: _start(run, data_root, out), missing)
        failed = [run.name for run, done in zip(missing, ended) if not done]
    if failed:
        raise InputError(
            f'{len(failed)} runs failed, {failed[0]} first: their reasons are in '
            f'{out / RECORDS.name}; the same command goes on with what is missing'
        )


def _start(run: Run, data_root: Path, out: Path) -> bool:
    """Run in a process of its own; whether it came to its end."""
    log = work_dir(run, out) / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    places = dict(data_root=str(data_root.resolve()), out=str(out.resolve()))
    command = [
        sys.executable,
        '-W',
        'ignore',
        '-m',
        'experiments.execute',
        json.dumps(dict(run=asdict(run), **places)),
    ]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])
    start = time.time()
    with open(log, 'w') as file:
        status = subprocess.run(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env=dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=path),
        ).returncode
    if status:
        with open(log, errors='replace') as file:
            last = (deque(file, 1) or ['no output'])[0].strip()
        append(
            out / RECORDS.name,
            row_of(
                run,
                seconds=round(time.time() - start, 1),
                commit=commit(ROOT),
                error=f'status {status}: {last}',
            ),
        )
    result = f'failed, see {log}' if status else 'done'
    print(f'{time.strftime("%H:%M:%S")} {run.study} {run.kind} {run.name}: {result}', flush=True)
    return not status


def machine() -> dict:
    """What a run ran on."""
    import torch

    return dict(device=device(), torch=torch.__version__, threads=torch.get_num_threads())


def main(run: Run, data_root: Path, out: Path) -> None:
    """Execute the run and append its row."""
    from mmengine.registry import init_default_scope

    import ocrnet_mmdet  # noqa: F401

    init_default_scope('mmdet')
    start = time.time()
    results = import_module(f'experiments.{MODULES[run.kind]}').execute(run, data_root, out)
    append(
        out / RECORDS.name,
        row_of(
            run, seconds=round(time.time() - start, 1), commit=commit(ROOT), **machine(), **results
        ),
    )


if __name__ == '__main__':
    given = json.loads(sys.argv[1])
    main(Run(**given['run']), Path(given['data_root']), Path(given['out']))
