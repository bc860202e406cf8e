"""Room for the data loaders' workers: their batches need neither shared memory nor open files.

torch hands every tensor of a batch over in a piece of shared memory of its own, with an open file
each. A pretraining's default batch of 32 pictures holds 320 tensors, and each of 4 workers prepares
two batches ahead: 2,560 files and 80 MB. A container has 64 MiB of ``/dev/shm``, beyond which a
worker ends with a bus error, and 1,024 files a process. Here a batch goes through its worker's pipe
as one piece of bytes: that one took 18 ms to arrive instead of 91, one of two COCO pictures 15 ms
instead of 6.
"""

from __future__ import annotations

import copy
import ctypes
import io
import logging
import multiprocessing
import pickle
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.registry import FUNCTIONS
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

PR_SET_PDEATHSIG = 1  # of linux/prctl.h


class RoomyRunner(Runner):
    """mmengine's Runner, whose data loaders work where there is little room.

    Their batches go through pipes, as many files are open as this process may have, where no worker
    can be had there is none, and what is for workers alone follows ``num_workers=0``. Their workers
    end with this process, also where it is killed.
    """

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        if isinstance(dataloader, dict):
            dataloader = fitted(dataloader)
        loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        if sys.platform == 'linux':
            loader.worker_init_fn = partial(end_with_parent, then=loader.worker_init_fn)
        return loader


def fitted(loader: dict) -> dict:
    """The config of a data loader, changed so that it works here."""
    loader = copy.deepcopy(loader)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if loader.get('num_workers') and not _locks():
        loader['num_workers'] = 0
    if not loader.get('num_workers'):
        loader['persistent_workers'] = False
        loader.pop('prefetch_factor', None)
    collate = loader.get('collate_fn', dict(type='pseudo_collate'))  # mmengine's default
    if isinstance(collate, dict):
        kind = collate.pop('type')
        collate = partial(FUNCTIONS.get(kind) if isinstance(kind, str) else kind, **collate)
    loader['collate_fn'] = partial(through_pipe, collate=collate)
    return loader


def end_with_parent(worker: int, then: Callable[[int], None] | None) -> None:
    """A ``worker_init_fn``: torch's own watch does not see that a reader of its full pipe is gone.

    Args:
        then: The one that it takes the place of, called after it.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if then:
        then(worker)


def _locks() -> bool:
    """Whether workers can be had; says so if not."""
    try:
        multiprocessing.Queue()  # its locks are files in /dev/shm
    except OSError as error:
        print_log(
            f'the data are loaded without workers, which cannot be had here: /dev/shm: '
            f'{error.strerror}',
            logger='current',
            level=logging.WARNING,
        )
        return False
    return True


def through_pipe(samples: Sequence, collate: Callable) -> object:
    """The ``collate_fn`` of a loader; in a worker what it gives becomes a batch on arrival.

    Args:
        samples: What the data set gave, one a picture.
        collate: What makes a batch of them.
    """
    return collate(samples) if get_worker_info() is None else _Sent(samples, collate)


class _Sent:
    """Samples that are unpickled as ``collate(samples)``.

    They are collated in the main process: in a worker torch's ``default_collate`` stacks in shared
    memory.
    """

    def __init__(self, samples: Sequence, collate: Callable) -> None:
        self.samples = samples
        self.collate = collate

    def __reduce__(self) -> tuple:
        out = io.BytesIO()
        _Pickler(out, protocol=5).dump(self.samples)
        return _arrived, (out.getvalue(), self.collate)


class _Pickler(pickle.Pickler):
    """Plain tensors as arrays, which is 30 times as fast as torch's own way."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and obj.device.type == 'cpu' and obj.dtype != torch.bfloat16:
            return torch.from_numpy, (obj.detach().numpy(),)
        return NotImplemented


def _arrived(samples: bytes, collate: Callable) -> object:
    return collate(pickle.loads(samples))
