from .accuracy import OCRNetAccuracy
from .checkpoint_check import OCRNetCheckpointCheckHook
from .checkpoint_hook import OCRNetCheckpointHook
from .final_test import OCRNetFinalTestHook
from .finite_loss import OCRNetFiniteLossHook
from .optim_constructor import OCRNetOptimConstructor

__all__ = ['OCRNetAccuracy', 'OCRNetCheckpointCheckHook', 'OCRNetCheckpointHook',
           'OCRNetFinalTestHook', 'OCRNetFiniteLossHook', 'OCRNetOptimConstructor']
