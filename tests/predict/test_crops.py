"""Cropped masks: COCO's run lengths both ways, unions, outlines."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ocrnet_mmdet.predict.crops import (
    Crop,
    Masks,
    crop_of,
    from_run_lengths,
    polygons,
    run_lengths,
    union,
)


def masks() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    some = [rng.random((7, 9)) < share for share in (0.05, 0.3, 0.7, 1.0)]
    full_columns, corner, empty = (np.zeros((7, 9), bool) for _ in range(3))
    full_columns[:, 2:5] = corner[-1, -1] = True
    wrapped = np.zeros((7, 9), bool)
    wrapped[3:, 4] = wrapped[:2, 5] = True  # one run of two columns
    return [*some, full_columns, corner, empty, wrapped]


@pytest.mark.parametrize('mask', masks())
def test_run_lengths_are_those_of_pycocotools(mask):
    ours = run_lengths(crop_of(mask), *mask.shape)
    theirs = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    assert ours == dict(size=[7, 9], counts=theirs['counts'].decode())


@pytest.mark.parametrize('mask', masks())
def test_a_mask_comes_back_from_its_run_lengths(mask):
    crop = from_run_lengths(run_lengths(crop_of(mask), *mask.shape))
    assert (Masks([crop], *mask.shape)[0] == mask).all()
    assert crop.bits.shape == crop_of(mask).bits.shape  # no larger than it must be


def test_a_union_has_the_pixels_of_all():
    some = masks()
    both = union([crop_of(some[0]), crop_of(some[4]), crop_of(some[6])])
    assert (Masks([both], 7, 9)[0] == some[0] | some[4]).all()


def test_outlines_follow_the_edges_of_pixels():
    (square,) = polygons(Crop(10, 20, np.ones((5, 7), bool)))
    assert {tuple(point) for point in square.tolist()} == {(10, 20), (17, 20), (17, 25), (10, 25)}


def test_outlines_hold_what_the_mask_holds():
    rows, columns = np.mgrid[:60, :80]
    disc = (rows - 30) ** 2 + (columns - 25) ** 2 < 300
    two = disc | ((rows - 40) ** 2 + (columns - 65) ** 2 < 80)
    outlines = list(polygons(crop_of(two)))
    assert len(outlines) == 2
    flat = [outline.ravel().tolist() for outline in outlines]
    drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, 60, 80))).astype(bool)
    assert (drawn & two).sum() / (drawn | two).sum() > 0.95
