import os

import pytest

from ocrnet_mmdet.datasets import coco_file
from ocrnet_mmdet.datasets.clean import check_dataset, write_clean
from ocrnet_mmdet.errors import InputError


def test_absent_file_and_folder_tell_how_to_get_data(folder):
    folder.write()
    with pytest.raises(InputError, match=r'no annotation file .*nope.json: .*COCO 2017.*make demo'):
        check_dataset('nope.json', folder.img_dir, None, 'train')
    with pytest.raises(InputError, match=r'no picture folder .*nope: .*COCO 2017.*make demo'):
        check_dataset(folder.ann_file, folder.img_dir + '/nope', None, 'train')


@pytest.mark.parametrize(
    'text, reason',
    [
        ('{"images": [', 'is not JSON'),
        ('\ufeff{}', 'without a byte order mark'),
        ('[1, 2]', 'not a COCO file'),
        ('{}', 'no list "images"'),
        ('{"images": [], "annotations": []}', 'no list "categories"'),
        ('{"images": [3], "annotations": [], "categories": []}', 'no list "images"'),
        ('{"images": [], "annotations": [], "categories": []}', 'lists no images'),
        (
            '{"images": [], "annotations": [], "categories": [], "annotations": []}',
            'key "annotations" twice',
        ),
        ('{"images": ' + 5000 * '[' + 5000 * ']' + '}', 'brackets stand too deep'),
        (
            '{"info": '
            + 200 * '['
            + 200 * ']'
            + ', "images": [], "annotations": [], "categories": []}',
            'brackets stand too deep',
        ),
        ('{"images": [' + 5000 * '9' + ']}', 'is not JSON'),
        ('{"im\x1b[31mages": 1, "im\x1b[31mages": 1}', 'is not JSON'),
    ],
)
def test_what_is_no_coco_file_is_refused(folder, text, reason):
    folder.write()
    with open(folder.ann_file, 'w') as file:
        file.write(text)
    with pytest.raises(InputError, match=reason):
        check_dataset(folder.ann_file, folder.img_dir, None, 'train')


def test_a_cut_off_clean_leaves_no_file_of_that_name(folder, tmp_path, monkeypatch):
    folder.write()

    def write_half(data, file):
        file.write('{"images": [')
        raise OSError('No space left on device')

    monkeypatch.setattr(coco_file.json, 'dump', write_half)
    with pytest.raises(OSError, match='No space'):
        write_clean(folder.ann_file, folder.img_dir, str(tmp_path / 'out/clean.json'))
    assert os.listdir(tmp_path / 'out') == []
