"""Pictures, boxes, masks and regions move together: coordinates are continuous, pixel i covers [i,
i + 1).
"""

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks

from .detectors import ROOT  # noqa: F401  (registers mmdet's transforms)
from .pooling import pool_regions

SIZE = 96
CENTRE, SIGMA = (41.3, 52.8), 6.0  # pixels: off the middle, and of no pixel's centre


def picture() -> dict:
    """A smooth blob, a box around its centre and its mask."""
    grid = np.arange(SIZE) + 0.5
    x, y = np.meshgrid(grid - CENTRE[0], grid - CENTRE[1])
    blob = np.exp(-(x**2 + y**2) / (2 * SIGMA**2)).astype(np.float32)
    box = [CENTRE[0] - 12, CENTRE[1] - 9, CENTRE[0] + 12, CENTRE[1] + 9]
    return dict(
        img=np.repeat(blob[..., None] * 255, 3, axis=2),
        img_shape=(SIZE, SIZE),
        ori_shape=(SIZE, SIZE),
        gt_bboxes=HorizontalBoxes(np.array([box], np.float32)),
        gt_bboxes_labels=np.array([0]),
        gt_ignore_flags=np.array([False]),
        gt_masks=PolygonMasks([[corners(box)]], SIZE, SIZE),
    )


def corners(box: list[float]) -> np.ndarray:
    x0, y0, x1, y1 = box
    return np.array([x0, y0, x1, y0, x1, y1, x0, y1])


def centroid(image: np.ndarray) -> np.ndarray:
    """(x, y) of the weight of an image (H, W)."""
    grid_y, grid_x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(grid_x * image).sum(), (grid_y * image).sum()]) / image.sum()


@pytest.mark.parametrize(
    'steps',
    [
        [dict(type='RandomFlip', prob=1.0)],
        [dict(type='RandomFlip', prob=1.0, direction='vertical')],
        [dict(type='Resize', scale=(160, 160), keep_ratio=True)],
        [dict(type='Resize', scale=(134, 77), keep_ratio=False)],
        [
            dict(type='RandomResize', scale=(128, 128), ratio_range=(0.7, 1.4), keep_ratio=True),
            dict(type='RandomFlip', prob=1.0),
        ],
    ],
)
def test_boxes_follow_the_picture_within_a_hundredth_of_a_pixel(steps):
    result = Compose(steps)(picture())
    box = result['gt_bboxes'].tensor[0].numpy()
    middle = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(centroid(result['img'][..., 0]), middle, atol=0.01)
    outline = result['gt_masks'].masks[0][0].reshape(4, 2)
    np.testing.assert_allclose(np.concatenate([outline.min(0), outline.max(0)]), box, atol=1e-4)


@pytest.mark.parametrize('axis, flipped', [(-1, (0, 2)), (-2, (1, 3))])
def test_pooling_commutes_with_flipping(axis, flipped):
    torch.manual_seed(0)
    levels = [torch.randn(1, 4, 64 // s, 64 // s) for s in (4, 8, 16, 32)]
    boxes = torch.tensor([[3.2, 5.7, 29.1, 41.4], [40.0, 8.0, 47.0, 60.0]])
    mirrored = boxes.clone()
    mirrored[:, flipped[0]], mirrored[:, flipped[1]] = (
        64 - boxes[:, flipped[1]],
        64 - boxes[:, flipped[0]],
    )
    image = torch.zeros(2, 1)
    straight = pool_regions(levels, torch.cat([image, boxes], 1), 7)
    flipped_levels = [level.flip(axis) for level in levels]
    other = pool_regions(flipped_levels, torch.cat([image, mirrored], 1), 7)
    for a, b in zip(straight, other):
        torch.testing.assert_close(a.flip(axis), b, atol=1e-4, rtol=1e-4)
