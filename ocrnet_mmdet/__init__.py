"""OCRNet for MMDetection: importing the package registers its parts in mmdet's registries."""
import io
import sys
import warnings
from contextlib import redirect_stdout

__version__ = '0.2.0'

# `python -m ocrnet_mmdet.check` imports this package first, and has to run where mmdet cannot.
if 'ocrnet_mmdet.check' not in sys.orig_argv:
    # OneDL's mmdet prints and warns of optional packages that nothing here uses.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.filterwarnings('ignore', message='faster_coco_eval is not installed')
        import mmdet.datasets  # noqa: F401
        import mmdet.evaluation  # noqa: F401

        from . import (checkpoint_compat, checkpoint_loader, datasets, engine, models,  # noqa: F401
                       pretraining)
