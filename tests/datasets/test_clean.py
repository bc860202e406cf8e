"""Bad data are named in one line before training, and can be left out."""

import os
import time

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from ocrnet_mmdet.datasets.clean import check_dataset, write_clean
from ocrnet_mmdet.errors import InputError

from .coco_folder import BAD_ANNOTATIONS, CLASSES


def test_sound_data_pass_without_a_note(folder):
    assert folder.check(masks=True) == []
    assert folder.check(classes=None) == []
    assert folder.check(classes=('ball',)) == []


def test_clean_copies_sound_data_unchanged(folder):
    data, report = folder.clean()
    assert data == folder.data and report == []


def test_clean_leaves_out_undecodable_pictures(folder):
    content = open(folder.img_dir + '/a.png', 'rb').read()
    open(folder.img_dir + '/a.png', 'wb').write(content[:60])
    Image.new('RGB', (10, 10)).save(folder.img_dir + '/night/c.png')
    data, report = folder.clean()
    assert [i['file_name'] for i in data['images']] == ['b.png']
    assert [a['id'] for a in data['annotations']] == [3]
    assert len(report) == 1
    assert '2 images' in report[0] and 'a.png' in report[0] and 'night/c.png' in report[0]
    data, report = folder.clean(decode=False)
    assert len(data['images']) == 3 and report == []


def test_what_clean_writes_passes_the_check(folder, tmp_path):
    for annotation, (change, _) in zip(folder.data['annotations'][1:], BAD_ANNOTATIONS[::4]):
        annotation.update(change)
    os.remove(folder.img_dir + '/b.png')
    folder.write()
    out = str(tmp_path / 'clean.json')
    assert write_clean(folder.ann_file, folder.img_dir, out)
    assert check_dataset(out, folder.img_dir, CLASSES, 'train', masks=True) == []
    assert COCO(out).getImgIds() == [7, 9]


def test_clean_writes_nothing_when_no_picture_is_left(folder):
    for image in folder.data['images']:
        os.remove(f'{folder.img_dir}/{image["file_name"]}')
    with pytest.raises(InputError, match='no picture is left of 3: .*a.png is not in'):
        folder.clean()
    assert not os.path.exists(os.path.dirname(folder.ann_file) + '/out')


def test_the_checks_time_is_linear_in_the_boxes(folder):
    """COCO's 860,001 boxes and 118,287 pictures take 6 s beside parsing, not hours."""
    boxes = np.random.default_rng(0).uniform(1, 20, (10000, 4)).tolist()
    template = folder.data['annotations'][0]
    folder.data['annotations'] = [dict(template, id=i, bbox=box) for i, box in enumerate(boxes)]
    folder.write()
    start = time.process_time()
    check_dataset(folder.ann_file, folder.img_dir, CLASSES, 'train', masks=True)
    assert time.process_time() - start < 2
