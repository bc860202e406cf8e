"""What the header of a picture file says: its size, depth and alpha, before anything is decoded.

Decoders take memory for the size that a header states, and OpenCV's are not made for damaged files
(4.12: signal 11 in the PNG decoder): what reaches them is looked through here.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import dataclass

from PIL.TiffImagePlugin import ImageFileDirectory_v2

# Pillow's own limit for all that it opens, 179 million, and what such a picture takes of 16 bits.
MAX_PIXELS = 2**30 // 6
MAX_BYTES = 2**30

JPEG, PNG, JPEG_2000, JP2_CODE = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n', b'jP  ', b'\xff\x4f\xff\x51'
TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
# The chunks that hold the picture; the others are texts, colour profiles and further frames.
PNG_CHUNKS = (b'IHDR', b'PLTE', b'tRNS', b'eXIf', b'IDAT', b'IEND')
PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # a pixel's, by the colour type
JPEG_FRAMES = {0xC0 + i for i in range(16)} - {0xC4, 0xC8, 0xCC}
TIFF_COLOURS = {2: 3, 5: 4, 6: 3, 8: 3}  # by PhotometricInterpretation: RGB, CMYK, YCbCr, Lab
EXTRA_IS_ALPHA = (1, 2)  # TIFF ExtraSamples: alpha, associated or not; 0 is unspecified
JP2_OPACITY = (1, 2)  # types of a JPEG 2000 channel


class PictureError(ValueError):
    """A file that is no whole picture; the message is the reason, without the file's name."""


@dataclass
class Header:
    """How a file is to be decoded.

    Args:
        content: The file without what is not needed.
        way: ``'plain'``: cv2 reads it as a person sees it; ``'deep'``: more than 8 bits, which only
            cv2 reads; ``'bands'``: a TIFF of which only tifffile knows the bands; ``'other'``:
            Pillow's.
        has_alpha: Whether the channel after the colours is an alpha; None: Pillow's mode says it.
    """

    content: bytes
    way: str = 'other'
    has_alpha: bool | None = None


def read_header(content: bytes) -> Header:
    """Size, kind of decoder and alpha of an encoded picture.

    Raises:
        PictureError: The header is damaged, or states more pixels than fit into memory.
    """
    if content.startswith(JPEG):
        return _read_jpeg(content)
    if content.startswith(PNG):
        return _read_png(content)
    if content.startswith(TIFF):
        return _read_tiff(content)
    if content.startswith(JP2_CODE) or content[4:8] == JPEG_2000:
        return _read_jpeg_2000(content)
    if re.match(rb'P[2356]\s', content):
        return _read_portable_map(content)
    return _read_float_map(content)


def check_size(width: int, height: int, pixel_bytes: float = 3) -> None:
    """Refuse a size that nobody should decode.

    Args:
        pixel_bytes: What a decoded pixel takes.

    Raises:
        PictureError: The picture has no pixel, or more than can be decoded.
    """
    if width < 1 or height < 1:
        raise PictureError(f'its header states {width} x {height} pixels')
    if width * height > MAX_PIXELS or width * height * pixel_bytes > MAX_BYTES:
        pixels = min(MAX_PIXELS, int(MAX_BYTES / pixel_bytes))
        raise PictureError(
            f'its header states {width} x {height} pixels, and of its kind at most '
            f'{pixels // 10**6} million are read: cut it into parts'
        )


def _read_png(content: bytes) -> Header:
    view, place = memoryview(content), 8
    kept: list[bytes | memoryview] = [content[:8]]
    kinds: list[bytes] = []
    while not kinds or kinds[-1] != b'IEND':
        if place + 12 > len(content):
            raise PictureError('the file is truncated')
        length, kind = struct.unpack_from('>I4s', content, place)
        end = place + 12 + length
        if end > len(content):
            raise PictureError('the file is truncated')
        if kind in PNG_CHUNKS:
            if zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], 'big'):
                raise PictureError(f'its {kind.decode()} chunk is damaged')
            kept.append(view[place:end])
            kinds.append(kind)
        elif not kind[0] & 32:  # the letter's case says that no decoder can do without it
            raise PictureError(f'it has a chunk {kind!r}, which no decoder knows')
        place = end
    singles = [kind for kind in kinds if kind != b'IDAT']
    if kinds[0] != b'IHDR' or len(kept[1]) != 25 or len(set(singles)) < len(singles):
        raise PictureError('its PNG chunks are not in order')
    width, height, depth, colour = struct.unpack_from('>IIBB', content, 16)
    check_size(width, height, PNG_SAMPLES.get(colour, 4) * max(depth, 8) / 8)
    key = b'tRNS' in kinds  # a transparent colour, which cv2 does not know
    plain = depth == 8 and colour in (0, 2) and not key
    way = 'deep' if depth == 16 else 'plain' if plain else 'other'
    return Header(b''.join(kept), way, has_alpha=key or colour in (4, 6))


def _read_jpeg(content: bytes) -> Header:
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in JPEG_FRAMES:
            height, width = struct.unpack_from('>HH', content, place + 5)
            check_size(width, height)
            # cv2 up to 4.10 fills what a truncated file lacks with grey and says nothing
            return Header(content, 'plain' if content.endswith(b'\xff\xd9') else 'other')
        if marker in (0xD9, 0xDA):  # the end, or the scan
            break
        alone = marker == 0x01 or 0xD0 <= marker <= 0xD8
        place += (
            1
            if marker == 0xFF
            else 2
            if alone
            else (2 + int.from_bytes(content[place + 2 : place + 4], 'big'))
        )
    raise PictureError('it has no JPEG frame header')


def _read_tiff(content: bytes) -> Header:
    page = ImageFileDirectory_v2(content[: 16 if content[2] == 43 else 8])  # 43: BigTIFF
    file = io.BytesIO(content)
    file.seek(page.next)
    page.load(file)
    if 256 not in page or 257 not in page:
        raise PictureError('its header states no size')
    samples, bits = int(page.get(277, 1)), max(map(int, page.get(258, (1,))))
    check_size(int(page[256]), int(page[257]), max(3, samples * bits / 8))
    colours, planar = TIFF_COLOURS.get(page.get(262, -1), 1), page.get(284, 1) == 2 and samples > 1
    extra, has_extra = samples - colours, bool(page.get(338))
    has_alpha = extra > 0 and has_extra and page[338][0] in EXTRA_IS_ALPHA
    # cv2 takes planes, and bands beside a grey one, for one another; Pillow knows few such files
    planes = planar and (bits > 8 or extra > 0)
    beside_grey = bits > 8 and colours == 1 and extra > 0
    if planes or beside_grey or extra not in (0, 1):
        return Header(content, 'bands', has_alpha)
    return Header(content, 'deep' if bits > 8 else 'other', has_alpha)


def _read_jpeg_2000(content: bytes) -> Header:
    start = content.find(JP2_CODE)
    if start < 0 or start + 43 > len(content):
        raise PictureError('it has no JPEG 2000 codestream')
    right, bottom, left, top = struct.unpack_from('>4I', content, start + 8)
    samples, depth = struct.unpack_from('>HB', content, start + 40)
    check_size(right - left, bottom - top, 4 * samples)  # OpenJPEG decodes to 32 bits
    box = content.find(b'cdef', 0, start)  # channel definitions: (number, type, colour) each
    count = int.from_bytes(content[box + 4 : box + 6], 'big') if box >= 0 else 0
    kinds = [
        int.from_bytes(content[box + 8 + 6 * i : box + 10 + 6 * i], 'big')
        for i in range(min(count, samples))
    ]
    return Header(
        content,
        'deep' if depth & 0x7F >= 8 else 'other',  # 0 is one bit
        has_alpha=any(kind in JP2_OPACITY for kind in kinds),
    )


def _read_portable_map(content: bytes) -> Header:
    stated = re.sub(rb'#[^\r\n]*', b'', content[2:4096]).split(maxsplit=3)[:3]
    width, height, white = map(int, stated)
    check_size(width, height, 3 if white < 256 else 6)
    return Header(content, 'other' if white < 256 else 'deep', has_alpha=False)


def _read_float_map(content: bytes) -> Header:
    """Radiance pictures and colour float maps, which Pillow does not know; the rest is Pillow's."""
    head = content[:4096]
    if head.startswith((b'#?RADIANCE', b'#?RGBE')):
        stated = re.search(rb'\n[-+]Y +(\d+) +[-+]X +(\d+)\s', head)
    elif head.startswith(b'PF'):
        stated = re.match(rb'PF\s+(\d+)\s+(\d+)\s', head)
    else:
        return Header(content)
    if not stated:
        raise PictureError('its header states no size')
    check_size(int(stated[1]), int(stated[2]), 12)
    return Header(content, 'deep', has_alpha=False)
