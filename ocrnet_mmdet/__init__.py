"""OCRNet for MMDetection: importing the package registers its parts in mmdet's registries."""
from . import engine, models  # noqa: F401

__version__ = '0.1.0'
