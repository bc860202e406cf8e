"""The transforms of classification keep to the picture and to the sizes asked for."""

import numpy as np
import pytest
import torch
from mmdet.registry import TRANSFORMS
from mmengine.dataset import Compose

from ocrnet_mmdet.datasets import OCRNetCropToBox, OCRNetRandomResizedCrop
from ocrnet_mmdet.datasets.label_pipeline import label_pipeline


def coordinates(height, width):
    """A picture whose channels are each pixel's row and column."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, 0 * x], -1).astype(np.uint8)


def run(pipeline, picture, **results):
    steps = Compose([TRANSFORMS.build(step) for step in pipeline[1:]])  # but the loader
    return steps(dict(img=picture, img_shape=picture.shape[:2], gt_label=1, **results))


@pytest.mark.parametrize(
    'box,rows,columns',
    [
        ([2, 3, 5, 7], (3, 7), (2, 5)),
        ([2.2, 3.9, 4.1, 6.5], (3, 7), (2, 5)),
        ([-4, -4, 99, 99], (0, 20), (0, 30)),
        ([30, 20, 31, 21], (19, 20), (29, 30)),
        ([7, 7, 7, 7], (7, 8), (7, 8)),
    ],
)
def test_a_box_is_cut_out_rounded_outwards_and_never_empty(box, rows, columns):
    part = OCRNetCropToBox()(dict(img=coordinates(20, 30), box=box))
    np.testing.assert_array_equal(part['img'], coordinates(20, 30)[slice(*rows), slice(*columns)])
    assert part['img_shape'] == part['img'].shape[:2]


def test_parts_lie_in_the_picture_with_area_and_shape_in_range():
    crop = OCRNetRandomResizedCrop(8)
    np.random.seed(0)
    parts = np.array([crop.random_part(60, 80) for _ in range(400)])
    left, top, width, height = parts.T
    assert (left >= 0).all() and (top >= 0).all()
    assert (left + width).max() <= 80 and (top + height).max() <= 60
    share, ratio = width * height / 4800, width / height
    assert 0.07 < share.min() < 0.12 and 0.8 < share.max() <= 1  # the edges less likely fit
    assert 0.7 < ratio.min() < 0.8 and 1.25 < ratio.max() < 1.4
    assert 0.4 < share.mean() < 0.55  # uniform in the area, but for what did not fit


@pytest.mark.parametrize('height,width', [(1, 1), (1, 500), (500, 1), (2, 1000), (3, 4)])
def test_any_picture_has_a_part_and_a_long_one_gives_its_middle(height, width):
    left, top, w, h = OCRNetRandomResizedCrop(8).random_part(height, width)
    assert 0 < w <= width - left and 0 < h <= height - top
    if width >= 500:
        assert abs(left + w / 2 - width / 2) <= 0.5 and w <= 4
    cropped = OCRNetRandomResizedCrop(8)(dict(img=coordinates(height, width)))
    assert cropped['img'].shape == (8, 8, 3)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('height,width', [(300, 400), (20, 17), (1, 600)])
def test_the_articles_pipelines_give_224_pixels_and_the_label(training, height, width):
    packed = run(label_pipeline(training), coordinates(height, width))
    assert packed['inputs'].shape == (3, 224, 224) and packed['inputs'].dtype == torch.uint8
    assert packed['labels'] == 1


def test_the_test_pipeline_shows_the_middle_at_256():
    packed = run(label_pipeline(training=False), coordinates(128, 160))
    rows, columns = packed['inputs'][0, :, 0].float(), packed['inputs'][1, 0].float()
    # 128 rows become 256, the middle 224 show rows 8 to 120; of 160 columns 24 to 136
    for shown, low, high in ((rows, 8, 120), (columns, 24, 136)):
        assert abs(shown[0] - low) <= 1 and abs(shown[-1] - (high - 1)) <= 1


def test_the_training_pipeline_flips_half_of_the_pictures():
    np.random.seed(0)
    columns = [
        run(label_pipeline(True, 16), coordinates(40, 40))['inputs'][1, 0].float()
        for _ in range(100)
    ]
    assert 30 < sum(bool(row[0] > row[-1]) for row in columns) < 70
