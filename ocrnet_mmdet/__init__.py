"""OCRNet for MMDetection: importing the package registers its parts in mmdet's registries."""

import io
import warnings
from contextlib import redirect_stdout

__all__ = ['__version__', 'datasets', 'engine', 'models', 'pretraining', 'report']
__version__ = '0.2.0'

# OneDL's mmdet prints and warns of optional packages that nothing here uses.
with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
    warnings.filterwarnings('ignore', message='faster_coco_eval is not installed')
    import mmdet.datasets  # noqa: F401
    import mmdet.evaluation  # noqa: F401

    from . import (  # noqa: F401
        checkpoint_compat,
        checkpoint_loader,
        datasets,
        engine,
        models,
        pretraining,
        report,
    )


def __getattr__(name: str) -> object:
    if name == 'Predictor':  # few programs that register the parts predict
        from .predict import Predictor

        return Predictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
