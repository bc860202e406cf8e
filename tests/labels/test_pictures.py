"""Pictures are found by the names that label files have for them."""

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from ocrnet_mmdet.datasets.picture import decode_picture
from ocrnet_mmdet.datasets.picture_header import PictureError
from ocrnet_mmdet.labels.pictures import Pictures


@pytest.fixture
def pictures(tmp_path):
    for name in ('a/one.jpg', 'b/one.jpg', 'b/Two.PNG', 'my pic (1).jpg', 'v1.2.tif', 'x_jpg.jpg'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return Pictures(tmp_path)


@pytest.mark.parametrize(
    'name, found',
    [
        ('a/one.jpg', 'a/one.jpg'),
        ('./a/one.jpg', 'a/one.jpg'),
        ('C:\\data\\b\\one.jpg', 'b/one.jpg'),
        ('/elsewhere/a/one.jpg', 'a/one.jpg'),
        ('images/Two.PNG', 'b/Two.PNG'),
        ('two.png', 'b/Two.PNG'),
        ('two', 'b/Two.PNG'),
        ('two.jpg', 'b/Two.PNG'),
        ('v1.2', 'v1.2.tif'),
        ('/data/upload/3/0123abcd-Two.PNG', 'b/Two.PNG'),
        ('/data/upload/3/0123abcd-my_pic_1.jpg', 'my pic (1).jpg'),
        ('/data/local-files/?d=set%2Fa/one.jpg', 'a/one.jpg'),
        ('https://host/set/my%20pic%20(1).jpg', 'my pic (1).jpg'),
        ('Two_PNG.rf.0123456789abcdef.jpg', 'b/Two.PNG'),
        ('one.jpg', None),
        ('c/one.jpg', None),
        ('my_pic_1.jpg', None),
        ('three.jpg', None),
    ],
)
def test_a_name_leads_to_its_picture_or_to_none(pictures, name, found):
    assert pictures.find(name) == found


def test_an_absolute_path_below_the_folder_is_exact(pictures):
    assert pictures.find(str(pictures.folder / 'b/one.jpg')) == 'b/one.jpg'


def test_what_is_taken_for_a_mask_is_found_no_more(pictures):
    pictures.leave_out(['a/one.jpg'])
    assert pictures.find('one.jpg') == 'b/one.jpg' and 'a/one.jpg' not in pictures


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_sizes_are_those_of_the_upright_picture(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (30, 20)).save(tmp_path / 'x.jpg', exif=exif)
    height, width = decode_picture((tmp_path / 'x.jpg').read_bytes()).shape[:2]
    assert Pictures(tmp_path).size('x.jpg') == (width, height)
    assert (width, height) == ((20, 30) if orientation > 4 else (30, 20))


def test_a_picture_without_a_readable_header_has_no_size(tmp_path):
    (tmp_path / 'x.jpg').write_bytes(b'none')
    with pytest.raises(PictureError, match='no picture format'):
        Pictures(tmp_path).size('x.jpg')


@pytest.mark.parametrize('name', [' a.jpg', 'a\\b.jpg', 'a.jpg '])
def test_a_name_that_is_there_as_it_stands_is_found(name):
    assert Pictures(Path('.'), names=[name, 'b.jpg', 'x/a.jpg']).find(name) == name


def test_letters_with_marks_are_found_in_either_form():
    apart, whole = (unicodedata.normalize(form, 'Grün/Zelle ä.jpg') for form in ('NFD', 'NFC'))
    for there, asked in ((apart, whole), (whole, apart)):
        beside = there.replace('Gr', 'Br')
        pictures = Pictures(Path('.'), names=[there, beside])
        for form in (asked, asked.upper(), f'/data/{asked}', f'./{there}'):
            assert pictures.find(form) == (None if form.isupper() else there)
        assert pictures.find('0123abcd-' + asked[5:]) is None  # of two alike
    both = Pictures(Path('.'), names=[apart, whole])
    assert [both.find(name) for name in (apart, whole)] == [apart, whole]
