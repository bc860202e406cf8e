from . import ssd_head  # noqa: F401
from .aggregator import Aggregator
from .classifier import OCRNetClassifier
from .detector import OCRNetDetector
from .encoder import OCRNetEncoder
from .jitter_sampler import OCRNetJitterSampler
from .region_generator import OCRNetRegionGenerator
from .region_head import OCRNetRegionHead
from .roi_extractor import OCRNetRoIExtractor
from .roi_head import OCRNetRoIHead

__all__ = [
    'Aggregator',
    'OCRNetClassifier',
    'OCRNetDetector',
    'OCRNetEncoder',
    'OCRNetJitterSampler',
    'OCRNetRegionGenerator',
    'OCRNetRegionHead',
    'OCRNetRoIExtractor',
    'OCRNetRoIHead',
]
