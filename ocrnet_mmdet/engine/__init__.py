from .checkpoint_check import OCRNetCheckpointCheckHook
from .finite_loss import OCRNetFiniteLossHook

__all__ = ['OCRNetCheckpointCheckHook', 'OCRNetFiniteLossHook']
