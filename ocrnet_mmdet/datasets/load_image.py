"""Picture files as a person sees them (see picture.py), for mmcv's own ``LoadImageFromFile``."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmengine import fileio

from ..errors import InputError
from .picture import PictureError, check_frame, decode_picture

FIX = (
    'mend the file, take it out of the annotation file, or let '
    '`tools/train.py --skip-bad-images` leave it out'
)
T = TypeVar('T')
BMP_HEAD = struct.Struct('<2sI4xIIiiHH24x')


def read_picture(path: str) -> np.ndarray:
    """(H, W, 3) uint8 BGR of a file, or of what mmengine reads by its prefix (``s3://``).

    Raises:
        InputError: If the file is absent, no picture, or truncated.
    """
    return _named(path, lambda: decode_picture(fileio.get(path)))


@fileio.register_backend('ocrnet_pictures')
class OCRNetPictures(fileio.BaseStorageBackend):
    """A storage that gives every picture file as BMP, which any decoder reads pixel for pixel.

    ``dict(type='LoadImageFromFile', backend_args=dict(backend='ocrnet_pictures'))`` reads 16-bit,
    transparent, CMYK ... pictures rightly, with mmcv's own class, which mmdet's tools and
    ``DetInferencer`` look for. Plain 8-bit pictures give mmcv's own pixels.
    """

    def get(self, filepath: str) -> memoryview:
        """A BMP file, 24 bits, of the picture's top row first.

        Raises:
            InputError: As of :func:`read_picture`.
        """
        picture = read_picture(filepath)
        height, width = picture.shape[:2]
        row = -(-width * 3 // 4) * 4
        bmp = np.empty(BMP_HEAD.size + height * row, np.uint8)
        bmp[: BMP_HEAD.size] = np.frombuffer(
            BMP_HEAD.pack(b'BM', bmp.size, BMP_HEAD.size, 40, width, -height, 1, 24), np.uint8
        )
        bmp[BMP_HEAD.size :].reshape(height, row)[:, : width * 3] = picture.reshape(height, -1)
        return bmp.data

    def get_text(self, filepath: str) -> str:
        raise NotImplementedError('pictures have no text')


@TRANSFORMS.register_module()
class OCRNetCheckFrame(BaseTransform):
    """Hold a loaded picture's size against the ``width`` and ``height`` that its data set states.

    It goes before whatever changes the size; a picture without a stated size passes.

    Raises:
        InputError: If they differ.
    """

    def transform(self, results: dict) -> dict:
        path, picture = results.get('img_path', ''), results['img']
        height, width = results.get('height'), results.get('width')
        if height and width and (height, width) != picture.shape[:2]:
            _named(path, lambda: check_frame(fileio.get(path), picture, width, height))
        return results


def _named(path: str, read: Callable[[], T]) -> T:
    """What ``read`` gives; its error with the file's name and the fix."""
    try:
        return read()
    except (OSError, PictureError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise InputError(f'{path}: cannot be used: {reason}; {FIX}') from error
