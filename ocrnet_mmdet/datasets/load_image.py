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


@TRANSFORMS.register_module(name='LoadImageFromFile')
class OCRNetLoadImage(LoadImageFromFile):
    """``LoadImageFromFile`` that also reads 16-bit, transparent, CMYK ... pictures rightly.

    Same keys as there: reads ``img_path``, and ``height`` and ``width`` where a dataset states
    them; writes ``img`` (H, W, 3) BGR, ``img_shape`` and ``ori_shape`` (H, W). Any ``color_type``
    but ``'color'`` is left to mmcv; ``imdecode_backend`` has no effect.

    Registered in mmdet's registry under mmcv's name, the one exception to the prefix: mmdet's
    ``DetInferencer`` looks for a transform of that name and builds its own loader by it, so
    pictures are read alike in training, testing and inference. Plain 8-bit pictures give mmcv's own
    pixels.

    Raises:
        InputError: If the file is absent, no picture, truncated, or not of the stated size.
    """

    def transform(self, results: dict) -> dict | None:
        if self.color_type != 'color':
            return super().transform(results)
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
