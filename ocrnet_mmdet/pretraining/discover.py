"""The transform that gives a picture its regions (see regions.py)."""
from __future__ import annotations

from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from .regions import discover_regions


@TRANSFORMS.register_module()
class OCRNetDiscoverRegions(BaseTransform):
    """Reads ``img`` (H, W, 3) uint8 BGR, writes ``regions``, a :class:`~.regions.Regions`."""

    def __init__(self, cache_dir: str | None = None, max_regions: int = 100) -> None:
        self.cache_dir = cache_dir
        self.max_regions = max_regions

    def transform(self, results: dict) -> dict:
        results['regions'] = discover_regions(results['img'], max_regions=self.max_regions)
        return results
