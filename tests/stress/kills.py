"""Kills trainings at random moments and as their files appear, resumes them, and compares the ends.

    python tests/stress/kills.py --kind finetune --runs 20

Each run is killed with SIGKILL one to three times: half of the runs at random moments, half when
one more file of the work folder has appeared, grown or gone. After every kill all checkpoints have
to be whole; a run that was resumed has to end with exit status 0, the files, the weights (bit for
bit) and the best score of the run that was never killed, no part of a file, and a score. All
processes are forked from this one: importing mmdet takes longer than a training.
"""

import argparse
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmengine.config import Config  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from torch import distributed as dist  # noqa: E402

from ocrnet_mmdet.cli import one_line_errors, run_training  # noqa: E402
from ocrnet_mmdet.engine.resume_check import choose_checkpoint, damage  # noqa: E402
from tests.engine import finetunings  # noqa: E402
from tests.pretraining import runs as pretrainings  # noqa: E402

STEPS, INTERVAL = 12, 2
LAST = f'iter_{STEPS}.pth'


def pretraining(pictures: Path, work_dir: Path, workers: int) -> Config:
    cfg = pretrainings.make_config(pictures, work_dir, STEPS)
    cfg.default_hooks.checkpoint.interval = INTERVAL
    cfg.train_dataloader.update(num_workers=workers, persistent_workers=workers > 0)
    cfg.default_hooks.schedule.update(own_from=0.2, horizon=1.0)
    cfg.default_hooks.monitor.interval = 2
    return cfg


def finetuning(data: Path, work_dir: Path, workers: int) -> Config:
    return finetunings.make_config(data, work_dir, STEPS, INTERVAL, workers)


class Run:
    """A training in one process or several, each in a group of its own with its workers."""

    def __init__(self, cfg: Config, processes: int = 1) -> None:
        self.folder = Path(cfg.work_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.status: dict[int, int] = {}
        meeting = f'{cfg.work_dir}.{uuid4().hex}'
        self.pids = [_fork(cfg, rank, processes, meeting) for rank in range(processes)]

    def over(self) -> int | None:
        """The exit status, the worst of several; None while one of them runs."""
        for pid in self.pids:
            if pid not in self.status:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.status[pid] = os.waitstatus_to_exitcode(status)
        return max(self.status.values(), key=abs) if len(self.status) == len(self.pids) else None

    def kill(self) -> None:
        """Kill one process; the others have a minute to notice."""
        victim = random.choice(self.pids)
        _kill(victim)
        patience = time.time() + 60
        while self.over() is None:
            if time.time() > patience:
                for pid in self.pids:
                    _kill(pid)
            time.sleep(0.01)
        for pid in self.pids:
            _kill(pid)  # the workers, which may outlive it

    def files(self) -> frozenset:
        """Names and sizes of what lies in the work folder itself."""
        found = set()
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.folder):
                with suppress(FileNotFoundError):
                    found.add((entry.name, entry.stat().st_size))
        return frozenset(found)

    def watch(self, seconds: float = float('inf'), changes: float = float('inf')) -> int | None:
        """Wait until it ends, which gives its status, or kill it: then None.

        Args:
            seconds: After which it is killed.
            changes: Of its files, after which it is killed.
        """
        begun, seen, files = time.time(), 0, self.files()
        while (status := self.over()) is None:
            now = self.files()
            seen, files = seen + (now != files), now
            if time.time() - begun > seconds or seen >= changes:
                self.kill()
                return None
            time.sleep(0.0005)
        self.seconds, self.changes = time.time() - begun, seen
        return status


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _fork(cfg: Config, rank: int, processes: int, meeting: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        log = os.open(f'{cfg.work_dir}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(os.fdopen(fd, 'wb', 0), write_through=True) for fd in (1, 2)
        )
        cfg.experiment_name = uuid4().hex
        if processes > 1:
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), GLOO_SOCKET_IFNAME='lo')
            dist.init_process_group(
                'gloo',
                init_method=f'file://{meeting}',
                rank=rank,
                world_size=processes,
                timeout=timedelta(seconds=60),
            )
            cfg.launcher = 'pytorch'
            cfg.model_wrapper_cfg = dict(
                type='MMDistributedDataParallel', device_ids=None, find_unused_parameters=True
            )
        with one_line_errors():
            choose_checkpoint(cfg, 'auto')
            run_training(cfg)
        status = 0
    except SystemExit as stop:
        status = stop.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def differences(folder: Path, whole: Path) -> list[str]:
    """What of a resumed run is not as in the run that was never killed."""
    faults = []
    if finetunings.names(folder) != finetunings.names(whole):
        faults.append(f'files {sorted(finetunings.names(folder) ^ finetunings.names(whole))}')
    for path in whole.glob('*.pth'):
        if (folder / path.name).is_file():
            a, b = (finetunings.weights(place / path.name) for place in (folder, whole))
            if any(not a[key].equal(value) for key, value in b.items()):
                faults.append(f'weights of {path.name}')
    if (folder / LAST).is_file():
        scores = [finetunings.best_score(place / LAST) for place in (folder, whole)]
        if scores[0] != scores[1]:
            faults.append(f'best score {scores}')
    if finetunings.scores(folder)[-1:] != finetunings.scores(whole)[-1:]:
        faults.append('last score')
    return faults


def kill_and_resume(
    start: Callable[[Path], Run], folder: Path, whole: Path, reference: Run, plan: dict
) -> list[str]:
    """Kill a run as often as the plan says, then let it end; the faults that were found."""
    faults = []
    for _ in range(plan['kills']):
        part = random.uniform(0, 1)
        limit = (
            dict(seconds=part * reference.seconds)
            if plan['random']
            else dict(changes=1 + int(part * reference.changes))
        )
        if start(folder).watch(**limit) is not None:
            break  # ended before
        faults += [f'{path.name} {damage(path)}' for path in folder.glob('*.pth') if damage(path)]
    status = start(folder).watch()
    return faults + ([f'exit status {status}'] if status else []) + differences(folder, whole)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--kind', choices=['finetune', 'pretrain'], default='finetune')
    parser.add_argument('--runs', type=int, default=20)
    parser.add_argument('--workers', type=int, default=0, help='of the data loader')
    parser.add_argument('--processes', type=int, default=1, help='together; one of them is killed')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    random.seed(args.seed)
    init_default_scope('mmdet')
    out = Path(tempfile.mkdtemp())
    if args.kind == 'finetune':
        data, config = finetunings.write_data(out / 'data'), finetuning
    else:
        data, config = pretrainings.write_pictures(out / 'pictures'), pretraining

    def start(folder: Path) -> Run:
        return Run(config(data, folder, args.workers), args.processes)

    reference = start(out / 'whole')
    assert reference.watch() == 0, (out / 'whole.log').read_text()[-2000:]
    print(
        f'never killed: {reference.seconds:.1f} s, {reference.changes} changes of files', flush=True
    )
    counts, kills = Counter(), 0
    for i in range(args.runs):
        plan = dict(random=i % 2 == 0, kills=random.choice((1, 1, 2, 3)))
        faults = kill_and_resume(start, out / str(i), out / 'whole', reference, plan)
        counts['lost' if faults else 'as if never killed'] += 1
        kills += plan['kills']
        print(json.dumps(dict(run=i, **plan, faults=faults, folder=str(out / str(i)))), flush=True)
    print(dict(counts), 'kills', kills)
    sys.exit(bool(counts['lost']))


if __name__ == '__main__':
    main()
