"""The stage without labels: regions, views, the pretrainer and its hook."""
from .discover import OCRNetDiscoverRegions
from .hook import OCRNetPretrainHook
from .pretrainer import OCRNetPretrainer
from .region_loss import OCRNetRegionLoss
from .regions import Regions, discover_regions
from .two_views import OCRNetTwoViews

__all__ = ['OCRNetDiscoverRegions', 'OCRNetPretrainHook', 'OCRNetPretrainer', 'OCRNetRegionLoss',
           'OCRNetTwoViews', 'Regions', 'discover_regions']
