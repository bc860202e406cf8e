"""Data: the image loader, the generated demo set, checks of what a user brings."""
from .load_image import OCRNetLoadImage

__all__ = ['OCRNetLoadImage']
