"""Pictures of all kinds come out as a person sees them; what is no picture is named."""

import io
import pickle
import struct

import cv2
import numpy as np
import pytest
import tifffile
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import TRANSFORMS
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch.utils.data import DataLoader

from ocrnet_mmdet.datasets.load_image import OCRNetCheckFrame
from ocrnet_mmdet.datasets.picture import PictureError, decode_picture
from ocrnet_mmdet.errors import InputError

LOAD = dict(type='LoadImageFromFile', backend_args=dict(backend='ocrnet_pictures'))
CLIP = 7  # grey values that the outer 0.1 % of 2400 smooth pixels are cut by at most


def scene(height=40, width=60):
    """A smooth RGB picture whose quarters and channels differ."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, 255 - x * 2 - y * 2], -1).clip(0, 255).astype(np.uint8)


def stretched(picture):
    """What a picture looks like with its least value black and its greatest white."""
    low, high = int(picture.min()), int(picture.max())
    return (picture.astype(float) - low) / (high - low) * 255


def encoded(picture, kind='PNG', **options):
    buffer = io.BytesIO()
    picture = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def deep(picture, kind='.png'):
    return cv2.imencode(kind, picture)[1].tobytes()


def load(path, **results):
    loaded = TRANSFORMS.build(LOAD)(dict(img_path=str(path), **results))
    return OCRNetCheckFrame()(loaded)


@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'BMP', 'WEBP', 'TIFF'])
@pytest.mark.parametrize('grey', [False, True])
def test_plain_files_equal_mmcvs(tmp_path, kind, grey):
    path = tmp_path / 'a'
    picture = Image.fromarray(scene()).convert('L' if grey else 'RGB')
    path.write_bytes(encoded(picture, kind))
    ours, theirs = load(path), LoadImageFromFile()(dict(img_path=str(path)))
    np.testing.assert_allclose(ours['img'], theirs['img'], atol=0 if kind != 'WEBP' else 2)
    assert ours['img_shape'] == ours['ori_shape'] == theirs['ori_shape'] == (40, 60)
    assert ours['img'].dtype == np.uint8 and ours['img'].flags.c_contiguous


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'TIFF'])
def test_exif_turned_pictures_come_out_upright(orientation, kind):
    upright = scene()
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: np.rot90,
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = dict(quality=100, subsampling=0) if kind == 'JPEG' else {}
    seen = decode_picture(encoded(stored, kind, exif=exif, **options))[..., ::-1]
    assert np.abs(seen.astype(int) - upright).max() <= 4


@pytest.mark.parametrize('kind', ['PNG', 'TIFF'])
def test_exif_turned_sixteen_bit_pictures_come_out_upright(kind):
    upright = scene()[..., 0]
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(upright)).astype(np.uint16) * 257
    seen = decode_picture(encoded(Image.fromarray(stored), kind, exif=exif))
    assert seen.shape == (40, 60, 3)
    assert np.abs(seen[..., 0] - stretched(upright)).max() <= CLIP


@pytest.mark.parametrize('kind', ['.png', '.tiff'])
@pytest.mark.parametrize('bits', [10, 12, 16])
@pytest.mark.parametrize('colour', [False, True])
def test_sixteen_bit_files_show_their_whole_range(kind, bits, colour):
    """A 12-bit camera's picture in a 16-bit file must not come out black."""
    truth = scene()[..., ::-1] if colour else scene()[..., 0]
    stored = (truth.astype(np.float64) / 255 * (2**bits - 1)).astype(np.uint16)
    seen = decode_picture(deep(stored, kind)).astype(int)
    expected = stretched(truth) if colour else stretched(truth)[..., None]
    assert np.abs(seen - expected).max() <= CLIP


def test_one_hot_pixel_does_not_blacken_a_sixteen_bit_picture():
    stored = np.linspace(300, 900, 100 * 100).reshape(100, 100).astype(np.uint16)
    stored[50, 50] = 65535
    seen = decode_picture(deep(stored))[..., 0]
    assert seen[0, 0] < 5 and seen[99, 99] > 250 and 118 < np.median(seen) < 137


def test_a_flat_sixteen_bit_picture_is_not_stretched_to_noise():
    noise = np.random.default_rng(0).integers(1000, 1005, (64, 64)).astype(np.uint16)
    assert np.ptp(decode_picture(deep(noise))) <= 5
    eight_bits = (scene()[..., 0]).astype(np.uint16)
    assert (decode_picture(deep(eight_bits))[..., 0] == eight_bits).all()


def test_float_pictures_are_stretched():
    stored = (scene()[..., 0] / 255).astype(np.float32)
    seen = decode_picture(deep(stored, '.tiff'))
    assert np.abs(seen[..., 1] - stretched(scene()[..., 0])).max() <= CLIP


@pytest.mark.parametrize('mode', ['RGBA', 'LA'])
def test_transparent_pixels_are_white_and_opaque_ones_themselves(mode):
    picture = Image.fromarray(scene()).convert(mode)
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:20], alpha[20:30] = 0, 128
    picture.putalpha(Image.fromarray(alpha))
    seen = decode_picture(encoded(picture))[..., ::-1].astype(int)
    truth = np.asarray(Image.fromarray(scene()).convert(mode[:-1]).convert('RGB')).astype(int)
    assert (seen[:20] == 255).all()
    assert np.abs(seen[20:30] - (truth[20:30] * 128 + 255 * 127) / 255).max() <= 1
    assert (seen[30:] == truth[30:]).all()


def test_transparent_sixteen_bit_pixels_are_white():
    stored = np.dstack([scene().astype(np.uint16) * 257, np.full((40, 60), 65535, np.uint16)])
    stored[:20, :, 3] = 0
    seen = decode_picture(deep(stored))
    assert (seen[:20] == 255).all() and np.abs(seen[20:] - stretched(scene())[20:]).max() <= CLIP


def tiff(picture, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture, **options)
    return buffer.getvalue()


@pytest.mark.parametrize('kind', [np.uint8, np.uint16])
@pytest.mark.parametrize('extra', [(), (0,), (1,), (2,)])
@pytest.mark.parametrize('planes', [False, True])
def test_a_fourth_band_is_an_alpha_where_the_file_says_so(kind, extra, planes):
    """The infrared band of an aerial picture lies where an alpha does."""
    bands = np.dstack([scene(), np.full((40, 60), 0)]).astype(kind) * (
        1 if kind == np.uint8 else 257
    )
    stored = np.ascontiguousarray(bands.transpose(2, 0, 1)) if planes else bands
    content = tiff(
        stored,
        photometric='rgb',
        extrasamples=extra or (0,),
        planarconfig='separate' if planes else 'contig',
    )
    if not extra:  # rename the tag: not said at all
        content = content.replace(struct.pack('<HH', 338, 3), struct.pack('<HH', 65000, 3))
    seen = decode_picture(content)[..., ::-1]
    if extra in ((1,), (2,)):
        assert (seen == 255).all()
    else:
        truth = scene() if kind == np.uint8 else stretched(scene())
        assert np.abs(seen - truth).max() <= (0 if kind == np.uint8 else CLIP)


@pytest.mark.parametrize('kind', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('planes', [False, True])
@pytest.mark.parametrize('count', [2, 3, 5])
def test_of_many_bands_the_first_three_are_shown(kind, planes, count):
    bands = np.concatenate([scene(), scene()[..., ::-1]], 2)[..., :count].astype(kind)
    bands = bands if kind == np.uint8 else bands * kind(257)
    stored = np.ascontiguousarray(bands.transpose(2, 0, 1)) if planes else bands
    seen = decode_picture(
        tiff(
            stored,
            photometric='minisblack',
            extrasamples=(0,) * (count - 1),
            planarconfig='separate' if planes else 'contig',
        )
    )[..., ::-1]
    shown = scene() if count > 2 else scene()[..., :1]
    assert np.abs(seen - (shown if kind == np.uint8 else stretched(shown))).max() <= CLIP


def test_jpeg_2000_has_an_alpha_where_it_says_so():
    picture = Image.fromarray(np.dstack([scene(), np.zeros((40, 60), np.uint8)]))
    said = encoded(picture, 'JPEG2000')
    assert (decode_picture(said) == 255).all()
    unsaid = said.replace(b'\0\3\0\1\0\0', b'\0\3\xff\xff\0\0')  # channel 3, its type
    assert unsaid != said
    assert np.abs(decode_picture(unsaid)[..., ::-1].astype(int) - scene()).max() <= 2


def test_palette_files_show_their_colours_and_transparent_entry():
    picture = Image.fromarray(np.repeat(np.arange(3, dtype=np.uint8), 20).reshape(6, 10), 'P')
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    plain = decode_picture(encoded(picture))
    assert plain[0, 0].tolist() == [0, 0, 255] and plain[5, 9].tolist() == [255, 0, 0]
    clear = decode_picture(encoded(picture, transparency=0))
    assert clear[0, 0].tolist() == [255, 255, 255] and clear[5, 9].tolist() == [255, 0, 0]


def test_a_colour_key_in_an_rgb_png_is_white():
    stored = np.zeros((8, 8, 3), np.uint8)
    stored[4:] = 7, 8, 9
    notes = PngInfo()
    notes.add_text('Comment', 'long ' * 2000)  # before the key
    for options in (dict(), dict(pnginfo=notes)):
        seen = decode_picture(encoded(stored, transparency=(0, 0, 0), **options))
        assert (seen[:4] == 255).all() and (seen[4:] == (9, 8, 7)).all()


@pytest.mark.parametrize('kind', ['JPEG', 'TIFF'])
def test_cmyk_and_one_bit_pictures_keep_their_colours(kind):
    cmyk = Image.new('CMYK', (16, 16), (0, 255, 255, 0))  # red
    blue, green, red = decode_picture(encoded(cmyk, kind))[8, 8].astype(int)
    assert red > 240 and blue < 40 and green < 40
    bits = decode_picture(encoded(Image.new('1', (16, 16), 1)))
    assert (bits == 255).all()


def test_of_several_frames_the_first_is_taken():
    frames = [Image.new('RGB', (9, 5), colour) for colour in ('red', 'blue')]
    buffer = io.BytesIO()
    frames[0].save(buffer, 'GIF', save_all=True, append_images=frames[1:])
    blue, _, red = decode_picture(buffer.getvalue())[2, 2]
    assert red > 250 and blue < 5


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'GIF', 'TIFF', 'BMP'])
@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    content = encoded(noise, kind)
    assert decode_picture(content).shape == (64, 64, 3)
    with pytest.raises(PictureError):
        decode_picture(content[: int(share * len(content))])


@pytest.mark.parametrize('kind', ['.png', '.tiff'])
@pytest.mark.parametrize('share', [0.3, 0.9])
def test_a_truncated_sixteen_bit_file_is_refused(kind, share):
    content = deep(np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16), kind)
    with pytest.raises(PictureError):
        decode_picture(content[: int(share * len(content))])


def test_a_jpeg_with_padding_after_its_end_is_whole():
    content = encoded(scene(), 'JPEG')
    padded, plain = decode_picture(content + bytes(512)), decode_picture(content)
    assert np.abs(padded.astype(int) - plain).max() <= 2  # two decoders


@pytest.mark.parametrize(
    'content, reason',
    [
        (b'', 'empty'),
        (b'<html>404</html>', 'no picture'),
        (bytes(128) + b'DICM', 'pydicom'),
        (b'\0\0\0\x18ftypheic' + bytes(99), 'pip install pillow-heif'),
        (b'%!PS-Adobe-3.0', 'no picture'),
    ],
)
def test_a_file_that_is_no_picture_is_named_with_the_fix(tmp_path, content, reason):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(InputError, match=f'a.jpg: .*{reason}.*--skip-bad-images') as caught:
        load(path)
    assert '\n' not in str(caught.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match='gone.jpg: .*No such file'):
        load(tmp_path / 'gone.jpg')
    ignoring = TRANSFORMS.build(dict(LOAD, ignore_empty=True))
    assert ignoring(dict(img_path=str(tmp_path / 'gone.jpg'))) is None


def test_a_stated_size_that_is_not_the_pictures_is_refused(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(encoded(scene()))
    assert load(path, width=60, height=40)['ori_shape'] == (40, 60)
    with pytest.raises(InputError, match='60 x 40 pixels.* 120 x 80.*another version'):
        load(path, width=120, height=80)


def test_a_size_stated_before_the_exif_turn_is_refused_as_such(tmp_path):
    """The boxes may have been drawn on either picture: nobody but the user can tell."""
    path = tmp_path / 'a.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6
    path.write_bytes(encoded(scene(), 'JPEG', exif=exif))
    assert load(path, width=40, height=60)['img'].shape == (60, 40, 3)
    with pytest.raises(InputError, match='before its EXIF turn .orientation 6.: .*swap'):
        load(path, width=60, height=40)


def test_the_transform_is_registered_and_gives_floats_on_demand(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(encoded(scene()))
    transform = TRANSFORMS.build(dict(LOAD, to_float32=True))
    seen = pickle.loads(pickle.dumps(transform))(dict(img_path=str(path)))['img']
    assert seen.dtype == np.float32 and (seen == scene()[..., ::-1]).all()


class _Broken:
    """A data set whose only picture is absent."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return load('/nowhere/gone.jpg')


def test_an_error_from_a_dataloader_worker_stays_one_line():
    with pytest.raises(InputError) as caught:
        next(iter(DataLoader(_Broken(), num_workers=1)))
    assert str(caught.value).startswith('/nowhere/gone.jpg: ') and '\n' not in str(caught.value)
