from .accuracy import OCRNetAccuracy
from .checkpoint_check import OCRNetCheckpointCheckHook
from .final_test import OCRNetFinalTestHook
from .finite_loss import OCRNetFiniteLossHook
from .optim_constructor import OCRNetOptimConstructor

__all__ = ['OCRNetAccuracy', 'OCRNetCheckpointCheckHook', 'OCRNetFinalTestHook',
           'OCRNetFiniteLossHook', 'OCRNetOptimConstructor']
