"""What runs a fuzz test: seeds to a process of their own -> counts of outcomes, and the faults."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable

from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

LIMIT = 20  # seconds for a file
SHOWN = 60  # faults
Counts = dict[str, Counter]
Faults = dict[int, str]


def _serve(pipe, folder: str, judged: Callable[[str, int], list[str]]) -> None:
    sys.stdout = open(os.devnull, 'w')
    os.dup2(sys.stdout.fileno(), 1)
    init_default_scope('mmdet')
    MMLogger.get_instance('fuzz', log_level='ERROR')
    gc.freeze()  # mmengine collects garbage for each data set: 0.5 s, with all of torch to look at
    while True:
        seed = pipe.recv()
        try:
            pipe.send(judged(folder, seed))
        except BaseException:
            lines = traceback.format_exc().strip().splitlines()
            place = next(
                (line.strip() for line in reversed(lines) if line.strip().startswith('File')), ''
            )
            pipe.send([f'traceback: {lines[-1][:200]} ({place[-90:]})'])


class Worker:
    """A process that judges files, replaced where it ends or does not.

    Args:
        folder: Of the files.
        judged: Makes the file of a seed in the folder and says its outcomes.
    """

    def __init__(self, folder: str, judged: Callable[[str, int], list[str]]) -> None:
        self.folder, self.judged = folder, judged
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context('fork')
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, self.folder, self.judged), daemon=True
        )
        self.process.start()
        theirs.close()

    def outcomes(self, seed: int) -> list[str]:
        """Of the file of a seed."""
        self.pipe.send(seed)
        try:
            if self.pipe.poll(LIMIT):
                return self.pipe.recv()
            outcome = f'no end within {LIMIT} s'
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            outcome = f'signal {signal.Signals(-code).name}' if code < 0 else f'exit {code}'
        self.stop()
        self._start()
        return [outcome]

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def tally(
    seeds: range, worker: Worker, fine: tuple[str, ...], kind_of: Callable[[int], str]
) -> tuple[Counts, Faults]:
    """Let a worker judge all seeds, and stop it.

    Args:
        seeds: A file each.
        fine: Outcomes that are no fault.
        kind_of: The kind of a seed's file.

    Returns:
        Counts by kind and outcome, and the outcomes of the seeds that are not fine.
    """
    counts: Counts = {}
    faults: Faults = {}
    for seed in seeds:
        ours = counts.setdefault(kind_of(seed), Counter())
        for outcome in worker.outcomes(seed):
            ours[outcome.partition(':')[0]] += 1
            if outcome not in fine:
                faults[seed] = outcome
    worker.stop()
    return counts, faults


def main(about: str | None, run: Callable[[range, str], tuple[Counts, Faults]]) -> None:
    """The command of a fuzz test; with a fault its exit status is 1.

    Args:
        about: What ``--help`` says.
        run: Judges the files of seeds, in a folder.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--files', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=0, help='of the first; the others follow')
    args = parser.parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        counts, faults = run(range(args.seed, args.seed + args.files), folder)
    for kind, ours in sorted(counts.items()):
        said = ', '.join(f'{n} {outcome}' for outcome, n in ours.most_common())
        print(f'{kind:18} {ours.total():5}  {said}')
    for seed, outcome in list(faults.items())[:SHOWN]:
        print(f'seed {seed}: {outcome}')
    print(f'{args.files} files from seed {args.seed}, {time.time() - start:.0f} s')
    sys.exit(bool(faults))
