from . import published_weights, whole_file_backend  # noqa: F401  registered
from .accuracy import OCRNetAccuracy
from .checkpoint_check import OCRNetCheckpointCheckHook
from .checkpoint_hook import OCRNetCheckpointHook
from .coco_metric import OCRNetCocoMetric
from .final_test import OCRNetFinalTestHook
from .finite_loss import OCRNetFiniteLossHook
from .optim_constructor import OCRNetOptimConstructor
from .peak_memory import OCRNetPeakMemoryHook
from .visualization_hook import OCRNetVisualizationHook

__all__ = [
    'OCRNetAccuracy',
    'OCRNetCheckpointCheckHook',
    'OCRNetCheckpointHook',
    'OCRNetCocoMetric',
    'OCRNetFinalTestHook',
    'OCRNetFiniteLossHook',
    'OCRNetOptimConstructor',
    'OCRNetPeakMemoryHook',
    'OCRNetVisualizationHook',
]
