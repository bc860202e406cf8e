"""The endless order in which the pictures of an OCRNetImageFolder are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from ..errors import InputError
from .image_folder import OCRNetImageFolder


@DATA_SAMPLERS.register_module()
class OCRNetVariationSampler(Sampler):
    """Every picture once an epoch, in another order and another variation each time, for ever.

    Epoch e of n pictures is the indices ``e * n + perm_e[k]``; folders with weights get their share
    of the draws, and a picture's variation is how often it was drawn before. With several
    processes, process r takes the places r, r + world, ... of the endless concatenation of the
    epochs.

    Everything follows from ``dataset.seed``: a training that resumes with it goes on as if it had
    never stopped, whether the loop calls :meth:`skip` or reads the loader forward.

    Args:
        dataset: The pictures.
        shuffle: False draws them in their order.
        seed: The run's, which a data set without one of its own takes.

    Raises:
        InputError: Another dataset, of shards for instance, which have an order of their own.
    """

    def __init__(
        self, dataset: OCRNetImageFolder, shuffle: bool = True, seed: int | None = None
    ) -> None:
        if not hasattr(dataset, 'shares'):
            raise InputError(
                f'OCRNetVariationSampler draws from OCRNetImageFolder, the dataset is '
                f'{type(dataset).__name__}: set train_dataloader.sampler=None if it is read '
                'in its own order'
            )
        self.dataset = dataset
        if dataset.seed is None:
            dataset.seed = seed or 0
        self.seed = dataset.seed
        self.shuffle = shuffle
        self.shares = dataset.shares()
        self.epoch_length = sum(draws for _, _, draws in self.shares)
        self.rank, self.world_size = get_dist_info()
        self.start = 0  # draws of this process that are skipped

    def __len__(self) -> int:
        return len(self.dataset)

    def skip(self, num_samples: int) -> None:
        """Begin after the first ``num_samples`` draws of this process."""
        if num_samples < 0:
            raise ValueError(f'num_samples is {num_samples}, expected 0 or more')
        self.start = num_samples

    def __iter__(self) -> Iterator[int]:
        place = self.rank + self.start * self.world_size
        while True:
            epoch, offset = divmod(place, self.epoch_length)
            mine = self._epoch(epoch)[offset :: self.world_size]
            yield from map(int, mine)
            place += len(mine) * self.world_size

    def _epoch(self, epoch: int) -> np.ndarray:
        """The indices of one epoch, (epoch_length,) int64."""
        indices = np.concatenate([self._draws(source, epoch) for source in range(len(self.shares))])
        if self.shuffle and len(self.shares) > 1:
            np.random.default_rng((self.seed, epoch)).shuffle(indices)
        return indices

    def _draws(self, source: int, epoch: int) -> np.ndarray:
        """What one folder gives to an epoch: a piece of its passes, each pass a permutation."""
        first, count, draws = self.shares[source]
        passes = range(epoch * draws // count, ((epoch + 1) * draws - 1) // count + 1)
        # A pass is the variation of its pictures.
        run = np.concatenate(
            [p * len(self.dataset) + first + self._order(source, p, count) for p in passes]
        )
        begin = epoch * draws - passes[0] * count
        return run[begin : begin + draws]

    def _order(self, source: int, variation: int, count: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(count)
        # the leading number keeps these apart from the mixing of _epoch
        return np.random.default_rng((self.seed, variation, source + 1)).permutation(count)
