"""Random numbers of a training picture that follow from its place in the order alone.

A worker's generators go on from picture to picture, and begin anew when a training is resumed. Here
each draw of the sampler carries a seed, and a step of the pipeline starts the generators with it:
crops, scales and flips are then the same whichever worker loads the picture, and whether the
training was stopped before it or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import DATA_SAMPLERS, TRANSFORMS
from mmengine.dataset import InfiniteSampler


class Draw(int):
    """An index of a data set, with the seed of what is drawn for it."""

    seed: int | None

    def __new__(cls, index: int, seed: int | None = None) -> Draw:
        draw = super().__new__(cls, index)
        draw.seed = seed
        return draw


@DATA_SAMPLERS.register_module()
class OCRNetDrawSampler(InfiniteSampler):
    """mmengine's InfiniteSampler; each index is a :class:`Draw`, which OCRNetSeedDraw reads."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.skip(0)

    def skip(self, num_samples: int) -> None:
        """Begin after the first ``num_samples`` draws of this process."""
        if num_samples < 0:
            raise ValueError(f'num_samples is {num_samples}, expected 0 or more')
        self.draws = islice(enumerate(self._indices_of_rank()), num_samples, None)

    def __iter__(self) -> Iterator[Draw]:
        for place, index in self.draws:
            seed = np.random.SeedSequence((self.seed, self.rank, place)).generate_state(1)[0]
            yield Draw(index, int(seed))


@TRANSFORMS.register_module()
class OCRNetSeedDraw(BaseTransform):
    """Begins every generator with the seed of the draw, if its sampler gives one.

    It stands before the first step that draws.
    """

    def transform(self, results: dict) -> dict:
        seed = getattr(results.get('sample_idx'), 'seed', None)
        if seed is not None:
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
        return results
