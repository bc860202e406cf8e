import math

import pytest
import torch
from mmcv.ops import RoIAlign

from ocrnet_mmdet.models import OCRNetRoIExtractor

from ..pooling import pool_regions

ROIS = torch.tensor(
    [
        [0, 3.0, 5.0, 29.0, 41.0],
        [0, 0.0, 0.0, 64.0, 64.0],
        [1, 40.0, 8.0, 47.0, 60.0],
        [1, -6.0, 20.0, 30.0, 90.0],
    ]
)


def levels(channels=6):
    torch.manual_seed(0)
    return [torch.randn(2, channels, 64 // s, 64 // s) for s in (4, 8, 16, 32)]


def bilinear(level, y, x):
    """One sample, by hand: pixel i covers [i, i + 1) and its value sits in its middle."""
    height, width = level.shape[-2:]
    y, x = min(max(y - 0.5, 0), height - 1), min(max(x - 0.5, 0), width - 1)
    y0, x0 = math.floor(y), math.floor(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    top = level[:, y0, x0] * (1 - (x - x0)) + level[:, y0, x1] * (x - x0)
    bottom = level[:, y1, x0] * (1 - (x - x0)) + level[:, y1, x1] * (x - x0)
    return top * (1 - (y - y0)) + bottom * (y - y0)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_pooling_is_bilinear_sampling_at_bin_centres(memory_format):
    maps = [m.to(memory_format=memory_format) for m in levels()]
    pooled = pool_regions(maps, ROIS, 3)
    for level, stride, out in zip(maps, (4, 8, 16, 32), pooled):
        for roi, region in zip(ROIS.tolist(), out):
            image, x0, y0, x1, y1 = roi
            for i in range(3):
                for j in range(3):
                    y = (y0 + (i + 0.5) / 3 * (y1 - y0)) / stride
                    x = (x0 + (j + 0.5) / 3 * (x1 - x0)) / stride
                    expected = bilinear(level[int(image)], y, x)
                    torch.testing.assert_close(region[:, i, j], expected, atol=1e-5, rtol=1e-5)


def test_every_level_is_read_at_the_same_place():
    """100 px are 25, 13, 7 and 4 columns; each holds its own centre's x."""
    strides, width = (4, 8, 16, 32), 100
    maps = [((torch.arange(-(-width // s)) + 0.5) * s).expand(1, 1, 3, -1) for s in strides]
    for level in pool_regions(maps, torch.tensor([[0, 60.0, 2.0, 80.0, 10.0]]), 1):
        assert level.item() == pytest.approx(70)


@pytest.mark.parametrize('images', [1, 2])
def test_regions_are_laid_out_as_any_layer_expects_them(images):
    extractor = OCRNetRoIExtractor(6)
    rois = ROIS[ROIS[:, 0] < images]
    assert extractor([m[:images] for m in levels()], rois).is_contiguous()


def test_pooling_is_mmcvs_roi_align_inside_the_picture():
    inside = ROIS[:3]
    pooled = pool_regions(levels(), inside, 7)
    for level, stride, out in zip(levels(), (4, 8, 16, 32), pooled):
        expected = RoIAlign(7, 1 / stride, sampling_ratio=1)(level, inside)
        torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)


def test_gradient_of_the_pooling_is_mmcvs():
    inside, weight = ROIS[:3], torch.randn(3, 6, 7, 7)
    ours, theirs = [[m.requires_grad_() for m in levels()] for _ in range(2)]
    (pool_regions(ours, inside, 7) * weight).sum().backward()
    for level, stride in zip(theirs, (4, 8, 16, 32)):
        (RoIAlign(7, 1 / stride, sampling_ratio=1)(level, inside) * weight).sum().backward()
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-4, rtol=1e-4)


def test_a_small_region_is_read_from_the_fine_level():
    extractor = OCRNetRoIExtractor(4)
    maps = [torch.full((1, 4, 512 // s, 512 // s), float(i)) for i, s in enumerate((4, 8, 16, 32))]
    small, large = extractor(
        maps, torch.tensor([[0, 9.0, 9.0, 29.0, 29.0], [0, 0.0, 0.0, 500.0, 500.0]])
    )
    assert small.mean() < 0.5 and large.mean() > 2.5


def test_merged_regions_lie_between_the_levels():
    extractor = OCRNetRoIExtractor(6)
    maps = [m.requires_grad_() for m in levels()]
    merged = extractor(maps, ROIS)
    stack = pool_regions(maps, ROIS, 7)
    assert (merged <= stack.amax(0) + 1e-5).all() and (merged >= stack.amin(0) - 1e-5).all()
    merged.sum().backward()
    assert all(m.grad.abs().sum() > 0 for m in maps)


def test_the_merged_regions_are_the_levels_times_their_weights():
    """Against pooling every level and merging after, as the level weights are defined."""
    extractor, maps = OCRNetRoIExtractor(6), levels()
    torch.nn.init.normal_(extractor.level_embedding)
    pooled = pool_regions(maps, ROIS, 14)  # (L, N, C, 14, 14)
    weights = extractor.weights_of_content(pooled.mean((-2, -1)).transpose(0, 1), ROIS)  # (N, L)
    torch.testing.assert_close(weights.sum(1), torch.ones(len(ROIS)))
    expected = (pooled * weights.T[..., None, None, None]).sum(0)
    torch.testing.assert_close(extractor(maps, ROIS, scale=2), expected, atol=1e-5, rtol=1e-4)


def test_twice_the_size_averages_to_two_samples_a_bin():
    fine = pool_regions(levels(), ROIS, 14)
    for level, stride, out in zip(levels(), (4, 8, 16, 32), fine):
        expected = RoIAlign(7, 1 / stride, sampling_ratio=2)(level, ROIS[:3])
        torch.testing.assert_close(
            torch.nn.functional.avg_pool2d(out, 2)[:3], expected, atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize(
    'rois',
    [
        torch.zeros(0, 5),
        torch.tensor([[1, 5.0, 5.0, 5.0, 5.0]]),
        torch.tensor([[0, -9.0, -9.0, -5.0, -5.0]]),
    ],
)
def test_no_region_and_degenerate_regions_stay_finite(rois):
    merged = OCRNetRoIExtractor(6)(levels(), rois)
    assert merged.shape == (len(rois), 6, 7, 7) and torch.isfinite(merged).all()


def test_boxes_that_are_no_numbers_end_in_no_index_error():
    """A training that diverges is to reach the loss, where it is named."""
    assert (
        len(OCRNetRoIExtractor(6)(levels(), torch.tensor([[0, math.nan, 2.0, math.inf, 9.0]]))) == 1
    )
