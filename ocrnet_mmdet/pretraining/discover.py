"""The transform that gives an image its regions."""

from __future__ import annotations

from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmengine.config import ConfigDict

from ..config_tree import datasets_of
from ..errors import require
from .region_cache import RegionCache
from .regions import WORKING_SIZE, discover_regions


@TRANSFORMS.register_module()
class OCRNetDiscoverRegions(BaseTransform):
    """Regions without labels: :func:`~.regions.discover_regions`, remembered on disk.

    Reads ``img`` (H, W, 3) uint8 BGR, writes ``regions``, a :class:`~.regions.Regions`. It belongs
    right behind the loading: an image that was cropped or varied at random is another one each
    time, and so never found in the cache.

    Args:
        cache_dir: Folder of the cache, shared by all workers and runs, see region_cache.py. Without
            one regions are discovered each time, about 40 ms an image.
        max_regions: The most regions of an image.
        size: Longest side of the image in which they are discovered, pixels.

    Raises:
        InputError: If ``cache_dir`` cannot be written to.
    """

    def __init__(
        self, cache_dir: str | None = None, max_regions: int = 100, size: int = WORKING_SIZE
    ) -> None:
        self.settings = dict(
            max_regions=require('OCRNetDiscoverRegions.max_regions', max_regions, int, low=1),
            size=require('OCRNetDiscoverRegions.size', size, int, low=8),
        )
        self.cache = RegionCache(cache_dir, self.settings) if cache_dir else None

    def transform(self, results: dict) -> dict:
        image = results['img']
        regions = self.cache.load(image) if self.cache else None
        if regions is None:
            regions = discover_regions(image, **self.settings)
            if self.cache:
                self.cache.save(image, regions)
        results['regions'] = regions
        return results


def discovery_in(loader: ConfigDict | None) -> dict[str, int] | None:
    """``max_regions`` and ``size`` of the discovery in a dataloader's config; None without one."""
    steps = [step for dataset in datasets_of(loader) for step in dataset.get('pipeline') or []]
    for step in steps:
        kind = TRANSFORMS.get(step.type) if isinstance(step.type, str) else step.type
        if kind is OCRNetDiscoverRegions:
            given = {key: step[key] for key in ('max_regions', 'size') if key in step}
            return OCRNetDiscoverRegions(**given).settings
    return None
