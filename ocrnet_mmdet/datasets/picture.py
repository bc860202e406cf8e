"""Picture files as a person sees them: any kind of file -> uint8 BGR (H, W, 3).

| file | what comes out |
|---|---|
| 8-bit colour or grey | its pixels; grey in three equal channels |
| 16-bit, float | 0.1th percentile -> 0, 99.9th -> 255, over all channels together |
| transparent (RGBA, LA, palette) | laid on white, as browsers and viewers show it |
| palette, CMYK, 1-bit, YCbCr, Lab | converted to RGB by Pillow |
| EXIF orientation | turned upright |
| several frames or pages | the first |

Sixteen-bit pictures are stretched because few use 16 bits: a 12-bit camera's picture divided by 257
is black. Percentiles are the habit of microscopy (Cellpose takes the 1st and 99th); these narrower
ones keep small bright objects apart. A range below 256 levels is not stretched: it would be noise.

Plain JPEG and PNG go straight to cv2, as in mmcv.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

EXIF_ORIENTATION = 0x0112


class PictureError(ValueError):
    """A file that is no whole picture; the message is the reason, without the file's name."""


def _is_plain(content: bytes) -> bool:
    """Whether cv2 reads the file as a person sees it, and its end is there.

    cv2 up to 4.10 fills what a truncated JPEG lacks with grey and says nothing, hence the look at
    the end; nor does it know the colour key of a PNG.
    """
    if content.startswith(b'\xff\xd8\xff'):
        return content.endswith(b'\xff\xd9')
    if content.startswith(b'\x89PNG'):
        depth_and_colour, head = content[24:26], content[:content.find(b'IDAT')]
        return (depth_and_colour in (b'\x08\x00', b'\x08\x02')  # 8 bits, grey or RGB
                and content.endswith(b'IEND\xaeB`\x82') and b'tRNS' not in head)
    return False


def _to_8_bits(deep: np.ndarray) -> np.ndarray:
    """Stretch (H, W) or (H, W, C) of any number type to uint8; a fourth channel is alpha."""
    colour = np.nan_to_num(deep[..., :3] if deep.ndim == 3 else deep, posinf=0, neginf=0)
    colour = colour.astype(np.float32)
    black, white = np.percentile(colour, (0.1, 99.9))
    least = 255 if np.issubdtype(deep.dtype, np.integer) else 1e-6
    if white - black < least:
        black, white = (0, least) if white <= least else (black, black + least)
    out = np.clip((colour - black) * (255 / (white - black)) + 0.5, 0, 255).astype(np.uint8)
    if deep.ndim == 3 and deep.shape[2] == 4:
        full = np.iinfo(deep.dtype).max if np.issubdtype(deep.dtype, np.integer) else 1
        alpha = (deep[..., 3:] * (255 / full)).astype(np.uint8)
        out = np.concatenate([out, alpha], axis=2)
    return out


def _decode_deep(content: bytes) -> np.ndarray | None:
    """Pixels of a file of more than 8 bits, RGB(A) order; None for any other file."""
    deep = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None or deep.dtype == np.uint8:
        return None
    to_rgb = {3: (2, 1, 0), 4: (2, 1, 0, 3)}.get(deep.shape[2]) if deep.ndim == 3 else None
    return deep[..., to_rgb] if to_rgb else deep.squeeze()


def _on_white(image: Image.Image) -> Image.Image:
    """A Pillow image of any 8-bit mode as RGB."""
    if image.mode in ('RGBA', 'LA', 'PA', 'La', 'RGBa') or 'transparency' in image.info:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        return Image.alpha_composite(white, image).convert('RGB')
    return image.convert('RGB')


def _decode_odd(content: bytes) -> np.ndarray:
    """Every file that is not plain; (H, W, 3) uint8 RGB."""
    image, orientation = None, 1
    try:
        image = Image.open(io.BytesIO(content))
        image.load()  # raises on truncated files
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    except UnidentifiedImageError:
        pass  # 16-bit RGB TIFF, OpenEXR: cv2 knows some that Pillow does not
    kind = image.format if image is not None else None
    deep = None if kind in ('JPEG', 'MPO') else _decode_deep(content)  # those have 8 bits
    if deep is None and image is not None and image.mode[0] in 'IF':
        deep = np.asarray(image)  # 32-bit integers: Pillow knows some that cv2 does not
    if deep is not None:
        image = Image.fromarray(_to_8_bits(deep))
        image.getexif()[EXIF_ORIENTATION] = orientation
    if image is None:
        raise PictureError('no picture format that Pillow or OpenCV knows')
    return np.asarray(_on_white(ImageOps.exif_transpose(image)))


def decode_picture(content: bytes) -> np.ndarray:
    """Decode a picture file's bytes as a person sees the picture.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        PictureError: If the bytes are no picture, or not the whole of one.
    """
    if not content:
        raise PictureError('the file is empty')
    try:
        if _is_plain(content):
            # turns by EXIF as well
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            if picture is not None:
                return picture
        return np.ascontiguousarray(_decode_odd(content)[..., ::-1])
    except PictureError:
        raise
    except (OSError, ValueError, TypeError, SyntaxError, EOFError, cv2.error,
            Image.DecompressionBombError) as error:
        raise PictureError(f'{error}'.splitlines()[0] if f'{error}' else repr(error)) from error


def check_frame(content: bytes, picture: np.ndarray, width: int, height: int) -> None:
    """Compare a decoded picture (H, W, 3) with the size its annotation file states.

    Boxes belong to the picture as it is shown: annotation tools show it upright. Where the stated
    size is that of the file before its EXIF turn, the boxes may have been drawn on either (some
    converters read the size without the turn), so nobody but the user can tell.

    Raises:
        PictureError: If the sizes differ.
    """
    shown_height, shown_width = picture.shape[:2]
    if (shown_width, shown_height) == (width, height):
        return
    sizes = (f'it is shown as {shown_width} x {shown_height} pixels, its annotation file says '
             f'{width} x {height}')
    if (shown_height, shown_width) == (width, height):
        orientation = Image.open(io.BytesIO(content)).getexif().get(EXIF_ORIENTATION, 1)
        if orientation >= 5:
            raise PictureError(
                f'{sizes}, its size before its EXIF turn (orientation {orientation}): if the boxes '
                'were drawn on the upright picture, swap its width and height in that file; if '
                'not, delete the EXIF tag from the picture')
    raise PictureError(f'{sizes}: its boxes belong to another version of the picture')
