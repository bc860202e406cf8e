"""The pictures to label first: one of each look, no copies, bad input in one line."""

import cv2
import numpy as np
import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.start import start

from ..detectors import ROOT

LOOKS = dict(stripes=9, dots=5, plain=2)  # how many pictures of each


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Stripes, dots and plain colours, with other noise in each; a file that is no picture."""
    folder, rng = tmp_path_factory.mktemp('looks'), np.random.default_rng(0)
    for look, count in LOOKS.items():
        for i in range(count):
            image = np.full((96, 128, 3), 90, np.uint8)
            for _ in range(6):
                x, y = map(int, rng.integers(8, 88, 2))
                if look == 'stripes':
                    cv2.line(image, (x, 0), (x, 96), (0, 0, 250), 5)
                elif look == 'dots':
                    cv2.circle(image, (x, y), 8, (0, 240, 0), -1)
            noise = rng.integers(0, 9, image.shape, np.uint8)
            cv2.imwrite(str(folder / f'{look}{i}.png'), image + noise)
    (folder / 'no.png').write_bytes(b'no picture')
    return folder


def name(pictures, out, first, labels=None, imagenet=True):
    report = start(pictures, labels, None, 0.2, 0, imagenet, out / 'mine', ROOT / 'configs', first)
    rows = [line.split('\t') for line in (out / 'mine/first.txt').read_text().splitlines()]
    return report, rows


def test_each_look_comes_once_before_any_comes_again(pictures, tmp_path):
    report, rows = name(pictures, tmp_path, 3)
    looks = [row[1].removeprefix(f'{pictures}/').rstrip('0123456789.png') for row in rows]
    assert looks[0] == 'stripes' and {*looks} == {'stripes', 'dots', 'plai'}
    assert [row[0] for row in rows] == ['1', '2', '3'] and rows[0][2] == 'stands for 16 pictures'
    assert '3 of 16 pictures to label first' in report
    assert '1 pictures cannot be read, such as no.png' in report
    assert (tmp_path / 'mine/pretrain.py').is_file()


def test_copies_are_never_named(pictures, tmp_path):
    folder = tmp_path / 'copies'
    folder.mkdir()
    for i in range(4):
        (folder / f'{i}.png').write_bytes((pictures / f'dots{i % 2}.png').read_bytes())
    report, rows = name(folder, tmp_path, 3)
    assert len(rows) == 2 and '3 were asked for: all others are copies of these' in report


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(first=0), '--first is 0'),
        (dict(first=2, labels='labels.json'), '--first is for pictures without labels'),
        (dict(first=2, imagenet=False), "--first looks with ImageNet's weights"),
    ],
)
def test_what_cannot_be_meant_leaves_no_folder(pictures, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        name(pictures, tmp_path, **options)
    assert not (tmp_path / 'mine').exists()


def test_a_folder_without_a_picture_is_refused(tmp_path):
    (tmp_path / 'none').mkdir()
    (tmp_path / 'none/a.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match='holds no picture that can be read'):
        name(tmp_path / 'none', tmp_path, 2)
