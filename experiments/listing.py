"""Time and memory of listing very many pictures.

The files lie in folders of 1,000, hard links to one small picture each. What is measured runs in a
process of its own, because a peak of memory is a process's.
"""

import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from torch.utils.data import DataLoader

from ocrnet_mmdet.datasets.image_folder import OCRNetImageFolder
from ocrnet_mmdet.datasets.variation_sampler import OCRNetVariationSampler

from .records import Run

PER_FOLDER = 1000
MIB = 2**20


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Of as many links, epochs and workers as the options say, made for this."""
    root = Path(tempfile.mkdtemp(prefix='listing_', dir=out))
    try:
        make_links(root, run.options['count'])
        measured = _in_new_process(listing, str(root))
        measured['epoch_mib'] = epochs(str(root), run.options['epochs'], run.options['workers'])
    finally:
        shutil.rmtree(root)
    return dict(measured=measured)


def make_links(root: Path, count: int) -> None:
    """``count`` picture files below ``root``, those of a folder links to its first."""
    picture = cv2.imencode('.png', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for i in range(count):
        folder = root / f'{i // PER_FOLDER:05d}'
        if i % PER_FOLDER == 0:
            folder.mkdir()
            first = folder / f'picture_{i:09d}.png'
            first.write_bytes(picture)
        else:
            os.link(first, folder / f'picture_{i:09d}.png')


def listing(root: str) -> dict:
    """Seconds to list ``root`` and to shuffle and hash it; peak memory of this process, MiB."""
    before = _resident()
    start = time.perf_counter()
    dataset = OCRNetImageFolder(root)
    listed = time.perf_counter()
    next(iter(OCRNetVariationSampler(dataset)))
    shuffled = time.perf_counter()
    dataset.fingerprint()
    return dict(
        pictures=len(dataset),
        list_seconds=listed - start,
        shuffle_seconds=shuffled - listed,
        fingerprint_seconds=time.perf_counter() - shuffled,
        imported_mib=before,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def epochs(root: str, count: int, workers: int) -> list[float]:
    """Memory of this process and its workers, MiB, after each of ``count`` epochs over ``root``.

    Pages that the processes share are counted once (PSS). The pictures are not decoded.
    """
    dataset = OCRNetImageFolder(root)
    loader = DataLoader(
        dataset,
        batch_size=256,
        sampler=OCRNetVariationSampler(dataset),
        num_workers=workers,
        collate_fn=list,
    )
    batches, memory = iter(loader), []
    for _ in range(count):
        for _ in islice(batches, len(dataset) // 256):
            pass
        pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
        memory.append(sum(_shared_resident(pid) for pid in pids))
    return memory


def _resident() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def _shared_resident(pid: int) -> float:
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('Pss:')) / 1024


def _in_new_process(function, *args):
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, args)
