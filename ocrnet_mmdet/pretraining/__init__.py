"""The stage without labels: regions, views, the pretrainer, its loss terms and its hooks."""

from mmdet.registry import MODELS

from .assigner import OCRNetLenientAssigner
from .check_hook import OCRNetPretrainCheckHook
from .discover import OCRNetDiscoverRegions
from .export import OCRNetExportHook
from .monitor_hook import OCRNetMonitorHook
from .pretrainer import OCRNetPretrainer
from .probe_hook import OCRNetProbeHook
from .region_loss import OCRNetRegionLoss
from .regions import Regions, discover_regions
from .schedule_hook import OCRNetPretrainHook
from .two_views import OCRNetTwoViews

MODELS.register_module(module=OCRNetRegionLoss)  # here, for its file knows nothing of mmdet

__all__ = [
    'OCRNetDiscoverRegions',
    'OCRNetExportHook',
    'OCRNetLenientAssigner',
    'OCRNetMonitorHook',
    'OCRNetPretrainCheckHook',
    'OCRNetPretrainHook',
    'OCRNetPretrainer',
    'OCRNetProbeHook',
    'OCRNetRegionLoss',
    'OCRNetTwoViews',
    'Regions',
    'discover_regions',
]
