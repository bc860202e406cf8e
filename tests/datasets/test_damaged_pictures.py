"""No picture file ends the process, takes more memory than a picture does, or hangs."""

import struct

import numpy as np
import pytest

from ocrnet_mmdet.datasets.picture import PictureError, decode_picture

from ..stress.fuzz_pictures import Decoder, chunk, damaged, interlaced_png, originals

FILES = originals()


@pytest.fixture(scope='module')
def decode():
    decoder = Decoder()
    yield decoder
    decoder.close()


@pytest.mark.parametrize('name', FILES)
def test_a_whole_picture_of_every_kind_decodes(name):
    height, width = decode_picture(FILES[name]).shape[:2]
    assert height >= 24 and width >= 32


def test_damaged_pictures_decode_or_are_refused_in_one_line(decode):
    outcomes = {decode(content)[0] for _, content in damaged(count=400, seed=3)}
    assert outcomes == {'decoded', 'refused'}


def test_an_animated_png_shows_its_still_and_damage_ends_nothing(decode):
    whole = FILES['PNG animated']
    assert np.array_equal(decode_picture(whole), decode_picture(FILES['PNG RGB']))
    start = whole.index(b'acTL') - 4
    for frames in (0, 1, 2**31):
        control = chunk(b'acTL', struct.pack('>II', frames, 0))
        assert decode(whole[:start] + control + whole[start + 20 :])[0] == 'decoded'
        assert decode(whole[:start] + control * 2 + whole[start + 20 :])[0] == 'decoded'
    at = whole.index(b'fdAT') - 4
    assert decode(whole[:at] + whole[at + 300 :])[0] in ('decoded', 'refused')


def test_an_interlaced_png_is_read():
    assert np.array_equal(decode_picture(interlaced_png()), decode_picture(FILES['PNG RGB']))


def enlarged(name: str, side: int) -> bytes:
    """A picture whose header states ``side`` x ``side`` pixels."""
    content = bytearray(FILES[name])
    places = {
        'JPEG RGB': (content.find(b'\xff\xc0') + 5, '>HH'),
        'BMP RGB': (18, '<ii'),
        'GIF RGB': (6, '<HH'),
        'JPEG2000 RGB': (content.find(b'\xff\x4f\xff\x51') + 8, '>II'),
        'WEBP lossless': (content.find(b'VP8L') + 9, '<I'),
    }
    if name.startswith(('PNG', '.png')):
        head = struct.pack('>II', side, side) + content[24:29]
        return bytes(content[:8] + chunk(b'IHDR', head) + content[33:])
    if 'TIFF' in name:
        start = struct.unpack_from('<I', content, 4)[0]
        for entry in range(start + 2, start + 2 + 12 * content[start], 12):
            if struct.unpack_from('<H', content, entry)[0] in (256, 257):
                struct.pack_into('<HII', content, entry + 2, 4, 1, side)
        return bytes(content)
    if name in places:
        place, kind = places[name]
        values = (side, side) if len(kind) == 3 else (min(side, 16383) * 0x4001,)
        struct.pack_into(kind, content, place, *values)
        return bytes(content)
    return {
        'PPM RGB': b'P6 %d %d 255\n',
        '.hdr': b'#?RADIANCE\n\n-Y %d +X %d\n',
        '.pfm': b'PF\n%d %d\n-1.0\n',
    }[name] % (side, side) + bytes(99)


@pytest.mark.parametrize(
    'name',
    [
        'PNG RGB',
        'PNG L',
        'PNG P',
        '.png 16 3',
        'JPEG RGB',
        'BMP RGB',
        'GIF RGB',
        'JPEG2000 RGB',
        'TIFF RGB',
        'TIFF 3 uint16',
        'TIFF 5 uint16',
        'WEBP lossless',
        'PPM RGB',
        '.hdr',
        '.pfm',
    ],
)
def test_a_header_that_states_too_much_is_not_decoded(name, decode):
    outcome, seconds, memory = decode(enlarged(name, 32000))
    assert outcome == 'refused' and seconds < 1 and memory < 50 * 2**20
    if not name.startswith('WEBP'):  # its header can state no more than 16,383
        with pytest.raises(PictureError, match='32000 x 32000|1024000000'):
            decode_picture(enlarged(name, 32000))
