"""The first transform of a pipeline: picture files as a person sees them (see picture.py)."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS
from mmengine import fileio

from .picture import PictureError, check_frame, decode_picture
from ..errors import InputError

FIX = ('mend the file, take it out of the annotation file, or let '
       '`tools/train.py --skip-bad-images` leave it out')


@TRANSFORMS.register_module()
class OCRNetLoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` that also reads 16-bit, transparent, CMYK ... pictures rightly.

    Same keys as there: reads ``img_path``, and ``height`` and ``width`` where a dataset states
    them; writes ``img`` (H, W, 3) BGR, ``img_shape`` and ``ori_shape`` (H, W). ``color_type`` and
    ``imdecode_backend`` have no effect.

    Raises:
        InputError: If the file is absent, no picture, truncated, or not of the stated size.
    """

    def transform(self, results: dict) -> dict | None:
        path = results['img_path']
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            picture = decode_picture(content)
            if results.get('height') and results.get('width'):
                check_frame(content, picture, results['width'], results['height'])
        except (OSError, PictureError) as error:
            if self.ignore_empty:
                return None
            reason = error.strerror or error if isinstance(error, OSError) else error
            raise InputError(f'{path}: cannot be used: {reason}; {FIX}') from error
        if self.to_float32:
            picture = picture.astype(np.float32)
        results['img'] = picture
        results['img_shape'] = results['ori_shape'] = picture.shape[:2]
        return results
