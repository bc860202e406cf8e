import numpy as np

from experiments.controls import OCRNetControlRegions
from ocrnet_mmdet.pretraining.regions import Regions


def picture(shape=(60, 80), count=5, seed=0) -> dict:
    rng = np.random.default_rng(seed)
    segments = np.zeros((count, *shape), bool)
    for segment in segments:
        y, x = rng.integers(0, 30, 2)
        segment[y : y + rng.integers(6, 20), x : x + rng.integers(6, 20)] = True
    return dict(
        img=np.zeros((*shape, 3), np.uint8),
        seed=(0, seed),
        regions=Regions.of_segments(segments, np.full(count, 255), shape),
    )


def sides(regions: Regions) -> np.ndarray:
    return regions.boxes[:, 2:] - regions.boxes[:, :2]


def test_random_regions_keep_the_sizes_and_lose_the_places():
    sample = picture()
    own = sample['regions']
    made = OCRNetControlRegions('random').transform(sample)['regions']
    np.testing.assert_allclose(sides(made), sides(own), atol=1.5)
    assert np.abs(made.boxes - own.boxes).max() > 5


def test_shuffled_regions_are_those_of_an_earlier_picture():
    control = OCRNetControlRegions('shuffled')
    first, second = picture(seed=1), picture(shape=(120, 160), seed=2)
    boxes = first['regions'].boxes
    control.transform(first)
    made = control.transform(second)['regions']
    np.testing.assert_allclose(made.boxes, boxes * 2)
    assert made.shape == (120, 160)
