"""OCRNet for MMDetection: importing the package registers its parts in mmdet's registries."""
import sys

__version__ = '0.1.0'

# `python -m ocrnet_mmdet.check` imports this package first, and has to run where mmdet cannot.
if 'ocrnet_mmdet.check' not in sys.orig_argv:
    from . import (checkpoint_compat, checkpoint_loader, datasets, engine, models,  # noqa: F401
                   pretraining)
