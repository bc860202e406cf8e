"""Regions pooled from every level, as the RoI extractor reads them."""

from ocrnet_mmdet.models.roi_extractor import bilinear_taps, level_rows


def pool_regions(maps, rois, size):
    """Each level's regions (N, C, size, size), from the taps."""
    sizes = [level.shape[-2:] for level in maps]
    indices, weights = bilinear_taps(sizes, len(maps[0]), rois, stride=4, size=size)
    sums = (level_rows(maps)[indices] * weights[..., None]).sum(-2)  # (N, size, size, L, C)
    return sums.permute(3, 0, 4, 1, 2)
