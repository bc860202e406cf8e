"""Data: loading, pictures with and without labels, checks of what a user brings."""

from .draw_sampler import OCRNetDrawSampler, OCRNetSeedDraw
from .image_folder import OCRNetImageFolder
from .image_shards import OCRNetImageShards
from .label_dataset import OCRNetLabelDataset
from .label_pipeline import OCRNetCropToBox, OCRNetPackLabel, OCRNetRandomResizedCrop
from .load_image import OCRNetCheckFrame
from .variation_sampler import OCRNetVariationSampler

__all__ = [
    'OCRNetCheckFrame',
    'OCRNetCropToBox',
    'OCRNetDrawSampler',
    'OCRNetImageFolder',
    'OCRNetImageShards',
    'OCRNetLabelDataset',
    'OCRNetPackLabel',
    'OCRNetRandomResizedCrop',
    'OCRNetSeedDraw',
    'OCRNetVariationSampler',
]
