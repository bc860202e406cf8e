"""Two processes that train together, each running a script of the tests.

They meet through a file and talk over the loopback device: no launcher, port or host name takes
part. One that waits for the other for ever prints where, and ends.
"""

import faulthandler
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed as dist

from .detectors import ROOT

ENV = dict(os.environ, OMP_NUM_THREADS='1', GLOO_SOCKET_IFNAME='lo')
PATIENCE = 240  # seconds: on two busy cores the slowest script takes 60


def run_in_two(module: str, out: Path) -> list:
    """What both processes of ``python -m module`` saved, that of rank 0 first."""
    logs = [out / f'rank{rank}.log' for rank in range(2)]
    processes = []
    for rank, log in enumerate(logs):
        with open(log, 'w') as file:
            processes.append(
                subprocess.Popen(
                    [sys.executable, '-m', module, str(rank), str(out)],
                    cwd=ROOT,
                    env=ENV,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
            )
    status = [process.wait() for process in processes]
    assert status == [0, 0], '\n'.join(log.read_text()[-2000:] for log in logs)
    return [torch.load(out / f'rank{rank}.pth') for rank in range(2)]


def join(compute: Callable[[int], object]) -> None:
    """The script's part: save what ``compute`` gives for this process's rank."""
    rank, out = int(sys.argv[1]), Path(sys.argv[2])
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    # mmengine's init_dist asks for a GPU whatever the backend
    dist.init_process_group(
        'gloo',
        init_method=f'file://{out}/rendezvous',
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=PATIENCE / 2),
    )
    torch.save(compute(rank), out / f'rank{rank}.pth')
    dist.barrier()  # a process that leaves while the other still works aborts it
    dist.destroy_process_group()
