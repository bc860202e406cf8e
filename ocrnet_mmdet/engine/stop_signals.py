"""Ctrl-C and SIGTERM during a training: the step is finished and saved, then the process ends.

Handlers belong to the process, so the request is a module's: :func:`stop_after_step` wraps the
training, :class:`~ocrnet_mmdet.engine.checkpoint_hook.OCRNetCheckpointHook` asks :func:`requested`
after each step.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from mmengine.dist import all_reduce, get_world_size

ONE_PRESS = 1.0  # seconds within which a signal is the same one: a launcher hands it on once more


@dataclass
class _Request:
    signum: int = 0
    at: float = 0.0
    steps: bool = False  # whether steps are being taken, so that there is one to finish


_request = _Request()


@contextmanager
def stop_after_step() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM ask for a stop, and a second one end the process at once.

    Data loaders that begin within have workers that a terminal's Ctrl-C does not reach.
    """
    global _request
    _request = _Request()
    owner = os.getpid()

    def handle(signum: int, frame: object) -> None:
        if os.getpid() != owner:  # a worker, which a terminal's Ctrl-C reaches too
            if signum == signal.SIGTERM:
                signal.signal(signum, signal.SIG_DFL)
                os.kill(os.getpid(), signum)
            return
        again = _request.signum and time.monotonic() - _request.at > ONE_PRESS
        if again or not _request.steps:
            raise KeyboardInterrupt if signum == signal.SIGINT else SystemExit(128 + signum)
        if not _request.signum:
            _request.signum, _request.at = signum, time.monotonic()
            os.write(2, b'stopping after this step; once more: at once\n')

    # as nohup and a shell's & have one
    before = {
        signum: signal.signal(signum, handle)
        for signum in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(signum) != signal.SIG_IGN
    }
    try:
        yield
    except RuntimeError as error:
        if not (_request.signum and 'DataLoader worker' in str(error)):
            raise
        # a signal to the whole process group, of which torch's workers die
        print(
            "stopped together with the data loader's workers, without a checkpoint of this step: "
            'go on from the last one with the same command and --resume',
            file=sys.stderr,
        )
        raise SystemExit(128 + _request.signum) from error
    finally:
        _request = _Request()
        for signum, handler in before.items():
            signal.signal(signum, handler)


def steps_begin() -> None:
    """From now on a signal waits for the end of a step."""
    _request.steps = True


def requested() -> int:
    """The signal that asks for a stop, 0 for none; of any process, so that all stop together."""
    if get_world_size() == 1:
        return _request.signum
    signum = torch.tensor(_request.signum)
    all_reduce(signum, op='max')
    return int(signum)
