"""Regions that do not belong to their picture: the controls of the pretraining's ablation."""

from __future__ import annotations

from collections import deque

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.evaluation.chance_regions import random_regions
from ocrnet_mmdet.pretraining.regions import Regions

KINDS = ('random', 'shuffled')
REMEMBERED = 32  # pictures that shuffled regions are taken from


@TRANSFORMS.register_module()
class OCRNetControlRegions(BaseTransform):
    """Puts other regions in the place of ``regions``, as many of them.

    Args:
        kind: ``random``: the discovered boxes' sizes at random places, filled. ``shuffled``: boxes
            and segments of a picture that was read shortly before, in the frame of this one.
    """

    def __init__(self, kind: str) -> None:
        if kind not in KINDS:
            raise InputError(f'OCRNetControlRegions has no kind={kind!r}: take one of {KINDS}')
        self.kind = kind
        self.others: deque[Regions] = deque(maxlen=REMEMBERED)

    def transform(self, results: dict) -> dict:
        rng = np.random.default_rng((*results['seed'], 1))
        own, shape = results['regions'], results['img'].shape[:2]
        if self.kind == 'random':
            results['regions'] = random_regions(shape, len(own), rng, like=own)
        elif self.others:
            other = self.others[rng.integers(len(self.others))]
            scale = np.tile(np.array(shape[::-1]) / other.shape[::-1], 2)
            results['regions'] = Regions(
                (other.boxes * scale).astype(np.float32), other.scores, other.segments, shape
            )
        self.others.append(own)
        return results
