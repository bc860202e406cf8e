"""Pictures without labels: a folder tree, a list, or several folders with weights."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import logging
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmdet.registry import DATASETS, TRANSFORMS
from mmengine.dataset import Compose
from mmengine.logging import print_log
from torch.utils.data import Dataset

from ..errors import InputError, printable
from .bad_files import BadFiles
from .listing import FileNames, list_pictures, read_list, say_left_out
from .picture_formats import SUFFIXES

FEW = 16  # pictures: with fewer, an ordinary batch holds one of them twice


@DATASETS.register_module()
class OCRNetImageFolder(Dataset):
    """Any folder of pictures, each in endlessly many variations.

    With n pictures, index i is picture ``i % n`` in variation ``i // n``. The pipeline begins with
    ``dict(img_path, sample_idx, seed)``; a transform that takes its randomness from
    ``np.random.default_rng(results['seed'])`` makes the variation a function of the index alone:
    the same with any number of workers, in any order, after any resume. Give it
    :class:`OCRNetVariationSampler`.

    A picture that the pipeline's first step cannot read is named in ``bad_files`` and replaced by
    another one, which depends on the index alone as well.

    Args:
        data_root: A folder, searched at any depth; or several: a list of folders (each picture
            once an epoch) or of pairs (folder, weight), where the weight is the folder's relative
            share of the draws.
        ann_file: A text file that names one picture a line, or a COCO JSON, whose labels are not
            looked at; relative to ``data_root``, in each if there are several. Empty: search.
        data_prefix: ``img``: where below ``data_root`` the pictures lie that a search finds or
            ``ann_file`` names.
        pipeline: Transforms; the first one loads the picture.
        seed: Of the variations, and of the sampler's order. None is the run's, which the sampler
            passes: a run that resumes has the same if its config fixes it.
        bad_files: Text file for the names of unreadable pictures, a line ``name<TAB>reason`` each.
            None only logs the first.

    Raises:
        InputError: If a folder or list is absent, or there is no picture.
    """

    metainfo: dict = {}  # no classes

    def __init__(
        self,
        data_root: str | Sequence[str | tuple[str, float]],
        ann_file: str = '',
        data_prefix: dict = dict(img=''),
        pipeline: Sequence[dict] = (),
        seed: int | None = 0,
        bad_files: str | None = None,
    ) -> None:
        self.seed = seed
        self.bad_files = BadFiles(bad_files)
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])
        roots, self._weights = _roots(data_root)
        prefix = data_prefix.get('img') or ''
        self._folders = [os.path.join(root, prefix) for root in roots]
        self._files = [_files(root, folder, ann_file) for root, folder in zip(roots, self._folders)]
        self._ends = list(itertools.accumulate(map(len, self._files)))
        if len(self) < FEW:
            print_log(
                f'{", ".join(roots)}: {len(self)} picture(s) only: a batch of more holds '
                'several variations of the same one',
                logger='current',
                level=logging.WARNING,
            )

    def __len__(self) -> int:
        return self._ends[-1]

    def path(self, picture: int) -> str:
        """The file of picture 0 <= ``picture`` < n."""
        return os.path.join(*self._place(picture))

    def names(self) -> Iterator[str]:
        """All pictures' names, relative to their folder."""
        return (os.fsdecode(files[i]) for files in self._files for i in range(len(files)))

    def shares(self) -> list[tuple[int, int, int]]:
        """The draws of an epoch: (first picture, number of pictures, draws) for each folder.

        Without weights one entry, (0, n, n); with them about n draws in all, 1 a folder at least.
        """
        n = len(self)
        if self._weights is None:
            return [(0, n, n)]
        counts, total = map(len, self._files), sum(self._weights)
        return [
            (end - count, count, max(1, round(n * weight / total)))
            for end, count, weight in zip(self._ends, counts, self._weights)
        ]

    def fingerprint(self) -> dict:
        """Which pictures these are: ``count`` and ``sha256``.

        The hash is over the lines ``name<TAB>bytes of the file``, in the order of the names, which
        are relative to their folder: it does not depend on where the folder lies, and no picture is
        read. A file that is gone counts as -1 bytes.
        """
        digest = hashlib.sha256()
        for name, size in heapq.merge(*map(_sizes, self._folders, self._files)):
            digest.update(b'%s\t%d\n' % (name, size))
        return dict(count=len(self), sha256=digest.hexdigest())

    def __getitem__(self, index: int) -> dict:
        for picture in self._candidates(index):
            results = self._load(
                dict(img_path=self.path(picture), sample_idx=picture, seed=(self.seed or 0, index))
            )
            for transform in self.pipeline.transforms[1:]:
                if results is not None:  # a transform may ask for another picture by None
                    results = transform(results)
            if results is not None:
                return results
        raise InputError(
            f'none of the {len(self)} pictures in {", ".join(self._folders)} can be '
            f'used, the last: {self.path(picture)}: name another data_root'
        )

    def _candidates(self, index: int) -> Iterator[int]:
        """The picture of an index, then all others in a walk that the index fixes."""
        n = len(self)
        yield index % n
        stride = int(np.random.default_rng((self.seed or 0, index)).integers(n))
        while math.gcd(stride, n) != 1:
            stride += 1
        yield from ((index + k * stride) % n for k in range(1, n))

    def _load(self, results: dict) -> dict | None:
        """The pipeline's first step; None, and a line in ``bad_files``, where it cannot read."""
        if not self.pipeline.transforms:
            return results
        path = results['img_path']
        try:
            loaded, reason = self.pipeline.transforms[0](results), 'the loader gave nothing'
        except InputError as error:
            cause = error.__cause__ or error
            loaded, reason = None, getattr(cause, 'strerror', None) or str(cause)
        if loaded is None:
            self.bad_files.add(path, reason)
        return loaded

    def _place(self, picture: int) -> tuple[str, str]:
        """Folder and name of a picture."""
        for folder, files, end in zip(self._folders, self._files, self._ends):
            if picture < end:
                return folder, os.fsdecode(files[picture - end + len(files)])
        raise IndexError(f'picture {picture} of {len(self)}')


def _roots(data_root: str | Sequence) -> tuple[list[str], list[float] | None]:
    """Folders, and their weights if they have any."""
    given: list[Any] = [data_root] if isinstance(data_root, (str, os.PathLike)) else list(data_root)
    if given and all(isinstance(item, (str, os.PathLike)) for item in given):
        return [os.fspath(item) for item in given], None
    try:
        pairs = [(os.fspath(folder), float(weight)) for folder, weight in given]
    except (TypeError, ValueError):
        pairs = []
    if not pairs or not all(0 < weight < math.inf for _, weight in pairs):
        raise InputError(
            f'data_root is {data_root!r}: expected a folder, a list of folders, or a '
            'list of pairs (folder, weight > 0)'
        )
    return [folder for folder, _ in pairs], [weight for _, weight in pairs]


def _files(root: str, folder: str, ann_file: str) -> FileNames:
    """The pictures of one folder, by its list or by a search, in the order of their names."""
    listed = os.path.join(root, ann_file) if ann_file else ''
    left_out: Counter[bytes] = Counter()
    files = FileNames(sorted(read_list(listed)) if listed else list_pictures(folder, left_out))
    said = f'; {say_left_out(left_out)}' if left_out else ''
    if not len(files):
        what = (
            f'{listed} names no picture'
            if listed
            else f'{folder} holds no picture, that is no file that ends with {" ".join(SUFFIXES)}'
        )
        raise InputError(f'{what}{said}: correct data_root')
    if left_out:
        print_log(
            f'{printable(folder)}: {len(files)} pictures{said}',
            logger='current',
            level=logging.WARNING,
        )
    return files


def _sizes(folder: str, files: FileNames) -> Iterator[tuple[bytes, int]]:
    """Each picture's name and its file's bytes, in the order of the names."""
    for i in range(len(files)):
        path = os.path.join(os.fsencode(folder), files[i])
        yield files[i], os.path.getsize(path) if os.path.isfile(path) else -1
