"""Picture files as a person sees them: any kind of file -> uint8 BGR (H, W, 3).

| file | what comes out |
|---|---|
| 8-bit colour or grey | its pixels; grey in three equal channels |
| 16-bit, float | 0.1th percentile -> 0, 99.9th -> 255, over all channels together |
| transparent (RGBA, LA, palette) | laid on white, as browsers and viewers show it |
| more bands than colours, not said to be alpha | the first three; of two the first |
| palette, CMYK, 1-bit, YCbCr, Lab | converted to RGB by Pillow |
| EXIF orientation | turned upright |
| several frames or pages | the first |

Sixteen-bit pictures are stretched because few use 16 bits: a 12-bit camera's picture divided by 257
is black. Percentiles are the habit of microscopy (Cellpose takes the 1st and 99th); these narrower
ones keep small bright objects apart. A range below 256 levels is not stretched: it would be noise.

Plain JPEG and PNG go to cv2, as in mmcv; so do deep files, which Pillow reduces to 8 bits. Nothing
does whose header (picture_header.py) is damaged or states more pixels than fit into memory.
"""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from .picture_formats import FORMATS
from .picture_header import TIFF, Header, PictureError, check_size, read_header

EXIF_ORIENTATION = 0x0112
AT_ONCE = 2**20  # pixels that are converted at a time
SAMPLE = 2**24  # pixels that percentiles are taken of, at most


def _by_cv2(content: bytes, flag: int) -> np.ndarray | None:
    """What OpenCV reads, without what it prints of damaged files: their reason is ours to say."""
    level = cv2.setLogLevel(0)
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    finally:
        cv2.setLogLevel(level)


def _bands(height: int, width: int) -> list[slice]:
    """Rows of a picture, in slices of about ``AT_ONCE`` pixels: temporary copies stay small."""
    rows = max(1, AT_ONCE // width)
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def _stretch(deep: np.ndarray, has_alpha: bool = False, bgr: bool = False) -> np.ndarray:
    """(H, W) or (H, W, C) of any real type -> (H, W, 3) uint8 RGB, an alpha laid on white.

    Args:
        has_alpha: Whether the first channel after the colours is an alpha.
        bgr: Whether the colours stand in cv2's order.
    """
    deep = deep[..., None] if deep.ndim == 2 else deep
    colours = 3 if deep.shape[2] - has_alpha >= 3 else 1
    is_integer = np.issubdtype(deep.dtype, np.integer)
    colour = deep[..., :colours][..., :: -1 if bgr else 1]
    height, width = deep.shape[:2]
    step = math.ceil(math.sqrt(height * width / SAMPLE))
    black, white = np.percentile(_finite(colour[::step, ::step]), (0.1, 99.9))
    least = 255 if is_integer else 1e-6
    if white - black < least:
        black, white = (0, least) if white <= least else (black, black + least)
    out = np.empty((height, width, 3), np.uint8)
    for rows in _bands(height, width):
        shown = np.clip((_finite(colour[rows]) - black) * (255 / (white - black)) + 0.5, 0, 255)
        shown = shown.astype(np.uint8)
        if has_alpha:
            alpha = deep[rows, :, colours : colours + 1]
            alpha = alpha / np.float32(np.iinfo(deep.dtype).max if is_integer else 1)
            shown = (shown * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
        out[rows] = shown
    return out


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, posinf=0, neginf=0).astype(np.float32)


def _upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation, without a copy."""
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return picture[::-1] if orientation in (3, 4, 7, 8) else picture


def _orientation(content: bytes) -> int:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.getexif().get(EXIF_ORIENTATION, 1)
    except UnidentifiedImageError:  # OpenCV and tifffile know some that Pillow does not
        return 1


def _deep_by_cv2(header: Header) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, upright, of a file of more than 8 bits; None of any other file."""
    deep = _by_cv2(header.content, cv2.IMREAD_UNCHANGED)
    if deep is None or deep.dtype == np.uint8:
        return None
    channels = deep.shape[2] if deep.ndim == 3 else 1
    rgb = _stretch(deep, bool(header.has_alpha) and channels in (2, 4), bgr=True)
    # cv2 turns a TIFF file by its tag, and by EXIF only where it reads 8 bits
    return rgb if header.content.startswith(TIFF) else _upright(rgb, _orientation(header.content))


def _by_tifffile(header: Header) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright, of a TIFF file whose bands others take for one another."""
    with tifffile.TiffFile(io.BytesIO(header.content)) as file:
        page = file.pages[0]
        ends = [sum(part) for part in zip(page.dataoffsets, page.databytecounts)]
        if len(ends) != math.prod(page.chunked) or max(ends) > len(header.content):
            raise PictureError('the file is truncated')  # tifffile fills up with zeros
        bands = page.asarray(maxworkers=1)
        if bands.ndim not in (2, 3) or bands.dtype.kind not in 'uif':
            raise PictureError(
                f'a TIFF page of the shape {bands.shape} and the type {bands.dtype} is no picture'
            )
        bands = np.moveaxis(bands, 0, -1) if page.axes.startswith('S') else bands
        return _upright(_stretch(bands, bool(header.has_alpha)), _orientation(header.content))


def _in_rgb(image: Image.Image, has_alpha: bool) -> np.ndarray:
    """A Pillow image of any 8-bit mode -> (H, W, 3) uint8."""
    out = np.empty((image.height, image.width, 3), np.uint8)
    for rows in _bands(image.height, image.width):
        part = image.crop((0, rows.start, image.width, rows.stop))
        if has_alpha:
            white = Image.new('RGBA', part.size, 'white')
            part = Image.alpha_composite(white, part.convert('RGBA'))
        out[rows] = np.asarray(part.convert('RGB'))  # this leaves an alpha out
    return out


def _by_pillow(header: Header) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright, of every file that is neither plain nor deep."""
    try:
        image = Image.open(io.BytesIO(header.content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise PictureError(_unknown(header.content)) from error
    check_size(*image.size, 4)
    image.load()  # raises on truncated files
    if image.mode[0] in 'IF':  # 32-bit integers: Pillow knows some that cv2 does not
        rgb = _stretch(np.asarray(image))
    else:
        alpha = image.mode in ('RGBA', 'LA', 'PA', 'La', 'RGBa') or 'transparency' in image.info
        rgb = _in_rgb(image, alpha if header.has_alpha is None else header.has_alpha)
    return _upright(rgb, image.getexif().get(EXIF_ORIENTATION, 1))  # 1 after a turn by load()


def _unknown(content: bytes) -> str:
    """Why a file of no known format cannot be read."""
    if content[4:8] == b'ftyp':
        return 'a HEIC picture: pip install pillow-heif'
    if content[128:132] == b'DICM':
        return 'a DICOM picture: convert it to PNG or TIFF, by pydicom'
    return 'no picture format that Pillow or OpenCV knows'


def _decode(content: bytes) -> np.ndarray:
    """A view of (H, W, 3) uint8 BGR."""
    header, rgb = read_header(content), None
    if header.way == 'plain':
        picture = _by_cv2(header.content, cv2.IMREAD_COLOR)  # turns by EXIF as well
        if picture is not None:
            return picture
    elif header.way == 'deep':
        rgb = _deep_by_cv2(header)
    elif header.way == 'bands':
        rgb = _by_tifffile(header)
    return (_by_pillow(header) if rgb is None else rgb)[..., ::-1]


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
        return np.ascontiguousarray(_decode(content))
    except PictureError:
        raise
    except Exception as error:  # on damaged files decoders raise what they happen to meet
        plain = str(error) and isinstance(
            error, (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
        )
        reason = ' '.join((str(error) if plain else repr(error)).split())
        raise PictureError(reason[:200]) from error


def shown_size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture file's picture as a person sees it: after its EXIF turn.

    Only the header is read, but of what Pillow does not know.

    Raises:
        PictureError: If the bytes are no picture.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            turned = image.getexif().get(EXIF_ORIENTATION, 1) >= 5
            return image.size[::-1] if turned else image.size
    except Exception:  # on damaged files Pillow raises what it meets; decoding says the reason
        height, width = decode_picture(content).shape[:2]
        return width, height


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
    sizes = (
        f'it is shown as {shown_width} x {shown_height} pixels, its annotation file says '
        f'{width} x {height}'
    )
    if (shown_height, shown_width) == (width, height):
        orientation = _orientation(content)
        if orientation >= 5:
            raise PictureError(
                f'{sizes}, its size before its EXIF turn (orientation {orientation}): if the boxes '
                'were drawn on the upright picture, swap its width and height in that file; if '
                'not, delete the EXIF tag from the picture'
            )
    raise PictureError(f'{sizes}: its boxes belong to another version of the picture')
