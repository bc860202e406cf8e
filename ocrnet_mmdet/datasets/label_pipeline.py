"""The transforms of classification that mmcv and mmdet lack, and the article's two pipelines."""

from __future__ import annotations

import math

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, to_tensor
from mmdet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class OCRNetCropToBox(BaseTransform):
    """Cut a picture to its ``box``, xyxy in pixels, rounded outwards; without one keep it whole."""

    def transform(self, results: dict) -> dict:
        if 'box' not in results:
            return results
        height, width = results['img'].shape[:2]
        x1, y1, x2, y2 = results['box']
        left, top = min(int(max(x1, 0)), width - 1), min(int(max(y1, 0)), height - 1)
        right, bottom = max(math.ceil(x2), left + 1), max(math.ceil(y2), top + 1)
        return _set_picture(results, results['img'][top:bottom, left:right])


@TRANSFORMS.register_module()
class OCRNetRandomResizedCrop(BaseTransform):
    """A random part of the picture, resized to a square (Szegedy et al., Going Deeper with
    Convolutions, 2015, section 6; scale, ratio and the ten attempts are torchvision's).

    Args:
        size: Side of the result, pixels.
        scale: Least and greatest share of the picture's area.
        ratio: Least and greatest width / height.
    """

    def __init__(
        self,
        size: int,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        self.size = size
        self.scale = scale
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        left, top, width, height = self.random_part(*results['img'].shape[:2])
        part = results['img'][top : top + height, left : left + width]
        return _set_picture(results, cv2.resize(part, (self.size, self.size)))

    def random_part(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Left, top, width and height of a part of a picture, pixels."""
        for _ in range(10):
            area = height * width * np.random.uniform(*self.scale)
            ratio = math.exp(np.random.uniform(*np.log(self.ratio)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                return np.random.randint(width - w + 1), np.random.randint(height - h + 1), w, h
        # a picture too long for any such part: its middle, as square as the ratio allows
        w = min(width, max(1, round(height * self.ratio[1])))
        h = min(height, max(1, round(width / self.ratio[0])))
        return (width - w) // 2, (height - h) // 2, w, h


@TRANSFORMS.register_module()
class OCRNetPackLabel(BaseTransform):
    """``dict(inputs=(3, H, W) uint8 BGR tensor, labels=class index)``, for OCRNetClassifier."""

    def transform(self, results: dict) -> dict:
        picture = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        return dict(inputs=to_tensor(picture), labels=results['gt_label'])


def _set_picture(results: dict, picture: np.ndarray) -> dict:
    results['img'] = picture
    results['img_shape'] = picture.shape[:2]
    return results


def label_pipeline(training: bool, size: int = 224) -> list[dict]:
    """The article's pipelines; the model's data preprocessor normalises.

    Training: RandomResizedCrop 224, horizontal flip. Otherwise: shorter side to 256, the middle
    224; another ``size`` keeps that proportion.
    """
    load: list[dict] = [
        dict(type='LoadImageFromFile', backend_args=dict(backend='ocrnet_pictures')),
        dict(type='OCRNetCheckFrame'),
        dict(type='OCRNetCropToBox'),
    ]
    if training:
        change: list[dict] = [
            dict(type='OCRNetRandomResizedCrop', size=size),
            dict(type='RandomFlip', prob=0.5),
        ]
    else:
        change = [
            dict(type='ResizeShortestEdge', scale=round(size * 256 / 224), keep_ratio=True),
            dict(type='CenterCrop', crop_size=size),
        ]
    return [*load, *change, dict(type='OCRNetPackLabel')]
