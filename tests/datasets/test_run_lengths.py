"""Run lengths are decoded as pycocotools does, and whatever is damaged is none."""

import time

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ocrnet_mmdet.datasets.run_lengths import decode_counts, is_mask


def runs_of(mask):
    """Lengths of the runs of a mask, column by column, of zeros first."""
    pixels = mask.T.ravel()
    ends = np.flatnonzero(np.diff(pixels)) + 1
    runs = np.diff([0, *ends, len(pixels)]).tolist()
    return [0, *runs] if pixels[0] else runs


@pytest.mark.parametrize('seed', range(8))
def test_the_string_is_what_pycocotools_makes_of_a_mask(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 400, 2)
    mask = np.asfortranarray(
        np.kron(rng.random((height // 9 + 1, width // 9 + 1)) < 0.5, np.ones((9, 9)))[
            :height, :width
        ],
        np.uint8,
    )
    text = coco_mask.encode(mask)['counts'].decode()
    assert decode_counts(text).tolist() == runs_of(mask)
    assert (
        is_mask(dict(size=[height.item(), width.item()], counts=text), height, width) == mask.any()
    )
    assert (
        is_mask(dict(size=[height.item(), width.item()], counts=runs_of(mask)), height, width)
        == mask.any()
    )


def test_large_masks_have_long_numbers():
    mask = np.zeros((3000, 20000), np.uint8, 'F')
    mask[100:2900, 100:19900] = 1
    assert decode_counts(coco_mask.encode(mask)['counts'].decode()).tolist() == runs_of(mask)


@pytest.mark.parametrize('text', ['', 'o', '00o', 'é0', '\n', 'P' * 8 + '0', '/', 'p', '\0'])
def test_a_damaged_string_has_no_run_lengths(text):
    assert decode_counts(text) is None


def test_a_million_damaged_characters_take_no_time():
    """pycocotools does not come to an end within 30 s."""
    text = ''.join(map(chr, np.random.default_rng(0).integers(48, 112, 10**6)))
    start = time.process_time()
    assert not is_mask(dict(size=[480, 640], counts=text), 480, 640)
    assert time.process_time() - start < 1
