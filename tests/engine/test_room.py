import copy
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch.utils.data import Dataset

from ocrnet_mmdet.engine import room

from ..detectors import ROOT


@DATASETS.register_module()
class ManyTensors(Dataset):
    """Samples of 10 tensors and one array each, as a pretraining's are."""

    def __init__(self, labelled: bool) -> None:
        self.labelled = labelled

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict:
        images = [torch.full((3, 8, 8), index, dtype=torch.uint8) for _ in range(2)]
        if not self.labelled:
            return dict(inputs=images[0].float(), labels=index)
        sample = DetDataSample(metainfo=dict(img_id=index))
        sample.gt_instances = InstanceData(
            **{name: torch.arange(4.0) + index for name in 'abcdefgh'}, masks=np.full((4, 2), index)
        )
        return dict(inputs=images, data_samples=sample)


def loader(workers: int, labelled: bool = True, **kwargs):
    return room.RoomyRunner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=workers,
            persistent_workers=True,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='ManyTensors', labelled=labelled),
            **kwargs,
        ),
        seed=0,
    )


@pytest.mark.parametrize('workers', [0, 2])
def test_batches_are_what_they_were(workers):
    batches = list(loader(workers))
    assert len(batches) == 16
    for first, batch in zip(range(0, 64, 4), batches):
        shown = [int(image[0, 0, 0]) for image in batch['inputs'][1]]
        assert shown == list(range(first, first + 4))
        found = batch['data_samples'][3]
        assert found.img_id == first + 3 and (found.gt_instances.masks == first + 3).all()
        assert found.gt_instances.h.tolist() == [first + 3.0, first + 4.0, first + 5.0, first + 6.0]
        batch['inputs'][0][0].add_(1)  # as writable as it was


@pytest.mark.parametrize('workers', [0, 2])
def test_stacked_batches_are_what_they_were(workers):
    batch = next(iter(loader(workers, labelled=False, collate_fn=dict(type='default_collate'))))
    assert batch['inputs'].shape == (4, 3, 8, 8) and batch['labels'].tolist() == [0, 1, 2, 3]


def test_batches_that_wait_hold_no_open_files():
    before = len(os.listdir('/proc/self/fd'))
    batches = iter(loader(2))
    kept = [next(batches) for _ in range(8)]  # 352 tensors
    assert len(os.listdir('/proc/self/fd')) - before < 20 and len(kept) == 8


@pytest.mark.parametrize('collate', ['pseudo_collate', 'default_collate'])
def test_batches_take_no_shared_memory(monkeypatch, collate):
    def refuse(*args) -> None:
        raise RuntimeError('shared')

    for make in ('_share_fd_cpu_', '_new_using_fd_cpu'):
        # in the workers too, they are forks
        monkeypatch.setattr(torch.UntypedStorage, make, refuse)
    with pytest.raises(RuntimeError, match='shared'):
        torch.ones(2).share_memory_()
    assert len(list(loader(1, collate == 'pseudo_collate', collate_fn=dict(type=collate)))) == 16


def test_as_many_files_are_open_as_the_system_allows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        loader(0)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_locks_there_are_no_workers_and_it_is_said(monkeypatch):
    def full() -> None:
        raise OSError(28, 'No space left on device')

    said = []
    monkeypatch.setattr(room.multiprocessing, 'Queue', full)
    monkeypatch.setattr(room, 'print_log', lambda line, **_: said.append(line))
    assert len(list(loader(4, prefetch_factor=4))) == 16
    assert said == [
        'the data are loaded without workers, which cannot be had here: /dev/shm: '
        'No space left on device'
    ]


def test_the_config_that_a_run_dumps_stays_as_it_was():
    """DetInferencer takes no collate_fn but a name."""
    given = dict(
        num_workers=0,
        persistent_workers=True,
        prefetch_factor=2,
        collate_fn=dict(type='pseudo_collate'),
    )
    before = copy.deepcopy(given)
    room.fitted(given)
    assert given == before


KILLED = """
import multiprocessing, os, signal
import torch
from torch.utils.data import Dataset
from ocrnet_mmdet.engine.room import RoomyRunner

class Large(Dataset):
    def __len__(self): return 64
    def __getitem__(self, index): return torch.zeros(1 << 18)

if __name__ == '__main__':
    loader = RoomyRunner.build_dataloader(dict(
        batch_size=4, num_workers=2, persistent_workers=True, dataset=Large(),
        sampler=dict(type='DefaultSampler', shuffle=False)), seed=0)
    batches = iter(loader)
    next(batches)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _runs(pid: int) -> bool:
    stat = Path(f'/proc/{pid}/stat')
    return stat.exists() and stat.read_text().rpartition(')')[2].split()[0] != 'Z'


@pytest.mark.skipif(sys.platform != 'linux', reason="the death signal of a parent is Linux's")
def test_workers_end_where_their_process_is_killed(tmp_path):
    (tmp_path / 'killed.py').write_text(KILLED)
    with open(tmp_path / 'workers.txt', 'w') as said:  # no pipe, which they would hold open
        subprocess.run(
            [sys.executable, tmp_path / 'killed.py'],
            stdout=said,
            timeout=120,
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
        )
    workers = [int(pid) for pid in (tmp_path / 'workers.txt').read_text().split()]
    assert len(workers) == 2
    ends = time.time() + 10
    while any(map(_runs, workers)) and time.time() < ends:
        time.sleep(0.1)
    assert not any(map(_runs, workers))
