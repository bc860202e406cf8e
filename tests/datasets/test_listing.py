"""Picture files are found at any depth, in one order, and kept in one buffer."""

import json
import os
from collections import Counter

import pytest

from ocrnet_mmdet.datasets.listing import FileNames, list_pictures, read_list, say_left_out
from ocrnet_mmdet.datasets.picture_formats import SUFFIXES
from ocrnet_mmdet.errors import InputError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'')


def test_pictures_are_found_at_any_depth_by_name(tmp_path):
    names = ['a/b/c.jpg', 'a.jpg', 'a-b/x.PNG', 'a0.tiff', 'z/ü é.webp', 'b.c.jpeg']
    for name in [*names, 'notes.txt', 'a/labels.json', '.hidden.jpg', '.cache/x.jpg']:
        touch(tmp_path / name)
    found = [os.fsdecode(name) for name in list_pictures(str(tmp_path))]
    assert found == sorted(names, key=os.fsencode)


def test_whatever_pillow_and_opencv_read_is_found(tmp_path):
    names = ['a.avif', 'b.JFIF', 'c.tga', 'd.mpo', 'e.apng', 'f.hdr', 'g.jp2', 'h.ico', '0a1b2c']
    for name in [*names, 'README', 'x.pdf', 'x.eps', 'x.h5', 'x.exr']:
        touch(tmp_path / name)
    assert sorted(map(os.fsdecode, list_pictures(str(tmp_path)))) == sorted(names)
    assert {'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.gif', '.pgm'} <= {
        *SUFFIXES
    }


def test_what_a_suffix_leaves_out_is_counted(tmp_path):
    for name in [
        'a/1.HEIC',
        '2.heic',
        '3.dcm',
        '4.mov',
        'note.txt',
        'labels.json',
        '.DS_Store',
        '5.jpg',
        'x.\x1b[31m\n',
    ]:
        touch(tmp_path / name)
    left_out = Counter()
    assert list(list_pictures(str(tmp_path), left_out)) == [b'5.jpg']
    assert left_out == {b'.heic': 2, b'.dcm': 1, b'.mov': 1, b'.\x1b[31m\n': 1}
    assert say_left_out(left_out) == (
        '5 files are left out by their suffix: .heic (2), .\\x1b[31m\\n (1), .dcm (1), .mov (1); '
        '.heic needs pip install pillow-heif, .dcm a conversion to PNG or TIFF, by pydicom'
    )


def test_many_suffixes_make_no_long_line():
    line = say_left_out(Counter({b'.%d' % i: 1 for i in range(50)}))
    assert line.endswith('and 42 other suffixes') and len(line) < 200


def test_links_are_followed_and_a_circle_ends(tmp_path):
    touch(tmp_path / 'else' / 'far.jpg')
    touch(tmp_path / 'root' / 'near.jpg')
    (tmp_path / 'root' / 'folder').symlink_to(tmp_path / 'else')
    (tmp_path / 'root' / 'file.jpg').symlink_to(tmp_path / 'else' / 'far.jpg')
    (tmp_path / 'root' / 'circle').symlink_to(tmp_path / 'root')
    (tmp_path / 'root' / 'dead.jpg').symlink_to(tmp_path / 'nowhere')  # named as unreadable later
    (tmp_path / 'root' / 'dead').symlink_to(tmp_path / 'nowhere')
    os.mkfifo(tmp_path / 'root' / 'pipe')
    (tmp_path / 'root' / 'itself').symlink_to(tmp_path / 'root' / 'itself')
    assert list(list_pictures(str(tmp_path / 'root'))) == [
        b'dead.jpg',
        b'file.jpg',
        b'folder/far.jpg',
        b'near.jpg',
    ]


def test_names_come_back_as_they_were(tmp_path):
    names = [b'a.jpg', b'', 'ü/é.png'.encode(), b'\xff\xfe.jpg']
    kept = FileNames(iter(names))
    assert [kept[i] for i in range(len(kept))] == names


def test_a_list_and_a_coco_file_name_the_same_pictures(tmp_path):
    text, coco = tmp_path / 'list.txt', tmp_path / 'coco.json'
    text.write_text('\ufeffa b.jpg\r\n\n/root/ü.png\n', encoding='utf-8')
    coco.write_text(
        json.dumps(
            dict(images=[dict(id=1, file_name='a b.jpg'), dict(id=2, file_name='/root/ü.png')])
        )
    )
    assert (
        list(read_list(str(text)))
        == list(read_list(str(coco)))
        == [b'a b.jpg', '/root/ü.png'.encode()]
    )


def test_a_list_of_another_encoding_is_named(tmp_path):
    # dir -name > x.txt in PowerShell
    (tmp_path / 'x.txt').write_text('a.jpg\r\nb.jpg\r\n', encoding='utf-16')
    with pytest.raises(InputError, match=r'x\.txt is no UTF-8 text'):
        read_list(str(tmp_path / 'x.txt'))


@pytest.mark.parametrize(
    'content',
    ['[]', '{"images": [{"id": 1}]}', '{"images": [{"file_name": 3}]}', '{"images":', '{}'],
)
def test_a_json_without_images_is_named(tmp_path, content):
    (tmp_path / 'x.json').write_text(content)
    with pytest.raises(InputError, match=r'x\.json has no COCO images'):
        list(read_list(str(tmp_path / 'x.json')))


def test_what_is_absent_is_named(tmp_path):
    with pytest.raises(InputError, match='nowhere cannot be listed: No such file'):
        list(list_pictures(str(tmp_path / 'nowhere')))
    with pytest.raises(InputError, match=r'nowhere\.txt cannot be read: No such file'):
        list(read_list(str(tmp_path / 'nowhere.txt')))
