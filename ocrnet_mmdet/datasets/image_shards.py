"""Pictures without labels out of tar shards, for collections beyond one machine's disks."""

from __future__ import annotations

import glob
import hashlib
import logging
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from mmdet.registry import DATASETS, TRANSFORMS
from mmengine.dataset import Compose
from mmengine.dist import get_dist_info
from mmengine.logging import print_log
from torch.utils.data import IterableDataset, get_worker_info

from ..errors import InputError
from .bad_files import BadFiles
from .listing import is_picture
from .picture import PictureError, decode_picture


@DATASETS.register_module()
class OCRNetImageShards(IterableDataset):
    """The pictures of tar files, streamed through ``webdataset``, epoch after epoch for ever.

    Shards are shared out among the readers, that is all workers of all processes; with fewer
    shards than readers every reader reads all and takes its share of the pictures. Each picture
    comes once an epoch over all readers, in an order and a variation that change with the epoch.
    Readers whose shards are smaller go on to their next epoch, so none waits for another.

    A loader of it has ``sampler=None``. After a resume the loop reads the loader forward, which
    reads and transforms what was seen: exact, but not free.

    Args:
        data_root: A folder of ``*.tar``; a path or URL with braces or, if local, stars
            (``'https://host/set-{000..127}.tar'``); or a list of these. What ``webdataset`` opens.
        pipeline: As of :class:`OCRNetImageFolder`: its loader is left out, for the pictures are
            read from the shard.
        shuffle_buffer: Pictures that a reader keeps undecoded to draw from; 1 keeps the shard's
            order.
        seed: Of order and variations.
        bad_files: Text file that names unreadable pictures and damaged shards.

    Raises:
        InputError: If ``webdataset`` is absent, a local shard is, or no picture can be read.
    """

    metainfo: dict = {}  # no classes

    def __init__(
        self,
        data_root: str | Sequence[str],
        pipeline: Sequence[dict] = (),
        shuffle_buffer: int = 1000,
        seed: int = 0,
        bad_files: str | None = None,
    ) -> None:
        _webdataset()  # absent: said now and not by a worker
        given = [data_root] if isinstance(data_root, str) else data_root
        self.shards = [shard for pattern in given for shard in self._expand(pattern)]
        steps = list(pipeline)
        if steps and steps[0]['type'] == 'LoadImageFromFile':
            steps = steps[1:]
        self.pipeline = Compose([TRANSFORMS.build(step) for step in steps])
        self.shuffle_buffer = shuffle_buffer
        self.seed = seed
        self.bad_files = BadFiles(bad_files)

    def fingerprint(self) -> dict:
        """Which shards these are: ``shards``, their count, and ``sha256``.

        The hash is over the lines ``name<TAB>bytes of the file``, in the order of the names; a
        shard that is no local file counts as -1 bytes.
        """
        lines = sorted(
            f'{os.path.basename(shard)}\t'
            f'{os.path.getsize(shard) if os.path.isfile(shard) else -1}\n'
            for shard in self.shards
        )
        return dict(
            shards=len(self.shards), sha256=hashlib.sha256(''.join(lines).encode()).hexdigest()
        )

    def __len__(self) -> int:
        # mmengine's LoggerHook asks for it, to find an epoch's end; there is none
        return sys.maxsize

    def __iter__(self) -> Iterator[dict]:
        rank, world_size = get_dist_info()
        worker = get_worker_info()
        workers = worker.num_workers if worker else 1
        reader, readers = rank * workers + (worker.id if worker else 0), world_size * workers
        epoch = barren = 0
        opened: set[int] = set()
        # After as many epochs as readers, one that shares every shard has met each picture.
        while barren < readers or len(opened) < len(self.shards):
            barren += 1
            for results in self._epoch(epoch, reader, readers, opened):
                barren = 0
                yield results
            epoch += 1
        raise InputError(
            f'no picture in {self.shards[0]} ... ({len(self.shards)} shards) can be '
            'used: correct data_root'
        )

    def _epoch(self, epoch: int, reader: int, readers: int, opened: set[int]) -> Iterator[dict]:
        """A reader's share of one epoch; ``opened`` collects the shards it has come to."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.shards)).tolist()
        whole = len(order) >= readers
        mine = order[reader::readers] if whole else order
        share = (0, 1) if whole else ((reader + epoch) % readers, readers)
        opened.update(mine)
        members = (member for shard in mine for member in self._members(shard, *share))
        rng = random.Random(f'{self.seed} {epoch} {reader}')
        shuffle = _webdataset().shuffle(self.shuffle_buffer, rng=rng)
        for shard, place, name, content in shuffle(members):
            results = self._load(
                dict(
                    img_path=f'{self.shards[shard]}/{name}',
                    sample_idx=(shard << 32) + place,
                    seed=(self.seed, epoch, shard, place),
                ),
                content,
            )
            if results is not None:
                yield results

    def _members(self, shard: int, first: int, step: int) -> Iterator[tuple[int, int, str, bytes]]:
        """(shard, place, name, content) of every ``step``-th picture of a shard, up to a damage."""
        iterators = _webdataset().tariterators
        handler = self._damage_handler(self.shards[shard])
        streams = iterators.url_opener(iter([dict(url=self.shards[shard])]), handler=handler)
        files = iterators.tar_file_expander(
            streams,
            handler=handler,
            eof_value=None,
            select_files=lambda name: is_picture(os.fsencode(name)),
        )
        for place, file in enumerate(files):
            if place % step == first:
                yield shard, place, file['fname'], file['data']

    def _damage_handler(self, shard: str) -> Callable[[Exception], bool]:
        def handler(error: Exception) -> bool:
            if shard not in self.bad_files:
                # webdataset appends the stream and its address to the error's arguments
                reason = getattr(error, 'strerror', None) or str([*error.args, error][0])
                print_log(
                    f'{shard} is damaged, what follows in it is left out: {reason}',
                    logger='current',
                    level=logging.WARNING,
                )
                self.bad_files.add(shard, reason)
            return True

        return handler

    def _load(self, results: dict, content: bytes) -> dict | None:
        try:
            picture = decode_picture(content)
        except PictureError as error:
            self.bad_files.add(results['img_path'], str(error))
            return None
        results['img'] = picture
        results['img_shape'] = results['ori_shape'] = picture.shape[:2]
        return self.pipeline(results)

    def _expand(self, pattern: str) -> list[str]:
        """The shards that a folder, pattern or URL stands for."""
        if os.path.isdir(pattern):
            found = sorted(glob.glob(os.path.join(glob.escape(pattern), '*.tar')))
            if not found:
                raise InputError(
                    f'there is no shard {os.path.join(pattern, "*.tar")}: correct data_root'
                )
            return found
        shards = _webdataset().shardlists.expand_urls(pattern)
        if ':' not in pattern:
            shards = [
                path
                for shard in shards
                for path in (sorted(glob.glob(shard)) if '*' in shard else [shard])
            ]
            missing = [shard for shard in shards if not os.path.isfile(shard)]
            if missing or not shards:
                absent = (missing or [pattern])[0]
                raise InputError(f'there is no shard {absent}: correct data_root')
        return shards


def _webdataset():
    try:
        import webdataset
    except ImportError as error:
        raise InputError(
            'OCRNetImageShards reads tar shards through a package that is not '
            'installed: pip install webdataset'
        ) from error
    return webdataset
