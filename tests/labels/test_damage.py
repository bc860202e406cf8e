"""Damage of label files as tests/stress/fuzz_formats.py found it: a line, or a count."""

import json
import os
import signal
import warnings

import numpy as np
import pytest
from PIL import Image

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import mask_pictures, read_any

from ..stress import bombs
from . import truth as writers
from .compared import rows, true_rows

RECT = dict(name='rect', x=1, y=1, width=5, height=5)


@pytest.fixture(autouse=True)
def ends():
    """No test waits for a pipe, or grows, without end."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def assert_left_out(found, truth, reason, name='p0.png'):
    """The one picture alone is, with the reason."""
    others = {n: objects for n, objects in truth.items() if n != name}
    label = 'object' if found.notes[0].startswith('mask') else None
    assert rows(found.data) == true_rows(others, label)
    [note] = [n for n in found.notes if n.startswith('1 damaged')]
    assert reason in note


# ---- on the disk ----


def test_a_folder_that_links_to_itself_is_entered_once(truth, pictures, tmp_path):
    writers.write_voc(truth, tmp_path)
    (tmp_path / 'a').symlink_to('.')
    (tmp_path / 'b').symlink_to('.')
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(truth) and found.notes[0] == 'Pascal VOC, 4 XML files'


def test_a_link_to_nothing_leaves_its_picture_out(truth, pictures, tmp_path):
    writers.write_voc(truth, tmp_path)
    (tmp_path / 'p0.xml').unlink()
    (tmp_path / 'p0.xml').symlink_to('nowhere')
    assert_left_out(read_any(tmp_path, pictures), truth, 'p0.xml: No such file')


def test_a_pipe_is_no_label_file(truth, pictures, tmp_path):
    writers.write_voc(truth, tmp_path)
    os.mkfifo(tmp_path / 'a.xml')
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth)


def test_masks_are_read_once(truth, pictures, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        mask_pictures.Image, 'open', lambda file, real=Image.open: read.append(file) or real(file)
    )
    for name, objects in truth.items():
        mask = np.any([writers.mask_of(o['points']) for o in objects], 0)
        Image.fromarray(mask).save(tmp_path / name)
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth, 'object')
    assert sorted(f.name for f in read if f.parent == tmp_path) == sorted(truth)


# ---- bombs ----


@pytest.mark.parametrize('make', [bombs.entities, bombs.long_entity, bombs.outer_entity])
def test_entities_of_xml_leave_their_picture_out(truth, pictures, tmp_path, make):
    writers.write_voc(truth, tmp_path)
    name = next(n for n, objects in truth.items() if objects)
    file = tmp_path / f'{name[:-4]}.xml'
    file.write_bytes(make(file.read_bytes()))
    assert_left_out(read_any(tmp_path, pictures), truth, 'is not XML', name)


@pytest.mark.parametrize('make', [bombs.aliases, bombs.deep_yaml])
def test_a_yaml_that_grows_is_one_line(pictures, tmp_path, make):
    (tmp_path / 'data.yaml').write_bytes(make(b'train: x\nnames:\n  0: cell\n  1: big cell'))
    with pytest.raises(InputError, match=r'data\.yaml is not YAML \(it.*: correct it'):
        read_any(tmp_path / 'data.yaml', pictures)


def test_a_large_mask_of_few_bytes_leaves_its_picture_out(truth, pictures, tmp_path):
    writers.write_labelme(truth, tmp_path, 'polygon')
    (tmp_path / 'p0.json').write_bytes(bombs.large_mask((tmp_path / 'p0.json').read_bytes()))
    assert_left_out(
        read_any(tmp_path, pictures), truth, 'is no PNG in base64 (Image size (400000000'
    )


def test_a_picture_stated_too_large_is_left_out(truth, pictures, tmp_path):
    writers.write_labelme(truth, tmp_path, 'mask')
    (tmp_path / 'p0.json').write_bytes(bombs.stated_size((tmp_path / 'p0.json').read_bytes()))
    assert_left_out(read_any(tmp_path, pictures), truth, 'is said to have 1000000 x 1000000 pixels')


def test_a_photo_for_a_mask_leaves_its_picture_out(tmp_path):
    size = (300, 300, 3)
    for name, values in dict(p=np.zeros(size[:2], np.uint8), a=np.eye(300, dtype=np.uint8)).items():
        (tmp_path / 'masks').mkdir(exist_ok=True)
        Image.new('RGB', (300, 300)).save(tmp_path / f'{name}.jpg')
        Image.fromarray(values).save(tmp_path / f'masks/{name}.png')
    photo = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    Image.fromarray(photo).save(tmp_path / 'masks/p.png')
    found = read_any(tmp_path / 'masks', tmp_path)
    assert [i['file_name'] for i in found.data['images']] == ['a.jpg']
    assert 'values, as a photo has' in found.notes[-1]


# ---- values ----


def damaged_shape(truth, folder, **values):
    writers.write_labelme(truth, folder, 'polygon')
    content = json.loads((folder / 'p0.json').read_text())
    content['shapes'][0].update(values)
    (folder / 'p0.json').write_text(json.dumps(content))


@pytest.mark.parametrize(
    'values, reason',
    [
        (dict(points=[[10**400, 1], [2, 3], [4, 5]]), 'expected a number'),
        (dict(points=[[1e300, 1], [2, 3], [4, 5]]), 'is no place in a picture'),
        (dict(group_id=[1]), 'a shape has the group_id [1]'),
    ],
)
def test_odd_values_leave_their_picture_out(truth, pictures, tmp_path, values, reason):
    damaged_shape(truth, tmp_path, **values)
    assert_left_out(read_any(tmp_path, pictures), truth, reason)


def test_a_far_outline_beside_a_mask_is_not_drawn(truth, pictures, tmp_path):
    """pycocotools takes all memory for it."""
    writers.write_labelme(truth, tmp_path, 'mask')
    content = json.loads((tmp_path / 'p0.json').read_text())
    far = dict(content['shapes'][0], shape_type='polygon', points=[[0, 0], [1e8, 0], [0, 1e8]])
    content['shapes'] += [far]
    content['shapes'] = [dict(s, group_id=1, label='cell') for s in content['shapes']]
    (tmp_path / 'p0.json').write_text(json.dumps(content))
    assert_left_out(read_any(tmp_path, pictures), truth, 'reaches too far past the picture')


@pytest.mark.parametrize('value', [np.nan, 0.5, 1e30])
def test_a_mask_of_no_whole_numbers_is_left_out(truth, pictures, tmp_path, value):
    writers.write_instance_masks(truth, tmp_path)
    (tmp_path / 'p0.png').unlink()
    values = np.full((writers.HEIGHT, writers.WIDTH), value, np.float32)
    Image.fromarray(values).save(tmp_path / 'p0.tif')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert_left_out(read_any(tmp_path, pictures), truth, 'values that are no whole numbers')


@pytest.mark.parametrize(
    'region, reason',
    [
        (5, 'its regions are [5'),
        (dict(shape_attributes=RECT, region_attributes=[[1]]), 'attributes are [[1]]'),
        (dict(shape_attributes=RECT, region_attributes=7), 'attributes are 7'),
    ],
)
def test_a_damaged_region_of_via_leaves_its_picture_out(truth, pictures, tmp_path, region, reason):
    content = writers.via(truth, 'rect')
    content['_via_img_metadata']['p0.png123']['regions'] = [region]
    (tmp_path / 'via.json').write_text(json.dumps(content))
    assert_left_out(read_any(tmp_path, pictures), truth, reason)


@pytest.mark.parametrize('value', [[1], {'a': 1}])
def test_odd_names_in_coco_are_left_to_the_rules(truth, pictures, tmp_path, value):
    content = writers.coco(truth)
    content['images'][0]['file_name'] = content['categories'][0]['supercategory'] = value
    (tmp_path / 'a.json').write_text(json.dumps(content))
    assert read_any(tmp_path, pictures).data['images'][0]['file_name'] == value


def test_huge_run_lengths_of_cvat_leave_their_picture_out(truth, pictures, tmp_path):
    for runs in ('9' * 30, '5000000000,5000000000'):
        text = writers.cvat(truth, 'mask').replace('rle="', f'rle="{runs}, ', 1)
        (tmp_path / 'a.xml').write_text(text)
        assert_left_out(read_any(tmp_path, pictures), truth, 'a mask ')


# ---- texts ----


def test_a_quote_without_end_loses_no_rows_unsaid(truth, pictures, tmp_path):
    lines = ['image,x1,y1,x2,y2', 'p0.png,1,2,3,"4', 'p1.png,1,2,3,4']
    (tmp_path / 'a.csv').write_text('\n'.join(lines))
    with pytest.raises(InputError, match=r'a\.csv is damaged at line 3 \(unexpected end of data'):
        read_any(tmp_path, pictures)


def test_one_large_number_does_not_make_pixels_of_shares(truth, pictures, tmp_path):
    lines = ['image,x1,y1,x2,y2', 'p0.png,.1,.2,.3,40', 'p1.png,0,0,.5,.5', 'p2.png,0,0,.25,1']
    (tmp_path / 'a.csv').write_text('\n'.join(lines))
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == [
        ('p1.png', 'object', 0, 0, 48, 32),
        ('p2.png', 'object', 0, 0, 24, 64),
    ]
    assert 'expected shares of the picture' in found.notes[-1]


@pytest.mark.parametrize(
    'encoding, reason', [('utf-16', 'is no UTF-8 text'), ('utf-16-le', 'as PowerShell writes it?')]
)
def test_another_encoding_is_said(truth, pictures, tmp_path, encoding, reason):
    writers.write_yolo(truth, tmp_path)
    (tmp_path / 'classes.txt').write_text('\n'.join(writers.CLASSES))
    text = (tmp_path / 'p0.txt').read_text()
    (tmp_path / 'p0.txt').write_text(text, encoding=encoding)
    assert_left_out(read_any(tmp_path, pictures), truth, reason)
    (tmp_path / 'classes.txt').write_text('cell', encoding=encoding)
    with pytest.raises(InputError, match=r'classes\.txt is no UTF-8 text.*save it as UTF-8'):
        read_any(tmp_path, pictures)


def test_xml_of_an_encoding_that_expat_lacks_is_left_out(truth, pictures, tmp_path):
    writers.write_voc(truth, tmp_path)
    text = (tmp_path / 'p0.xml').read_text()
    (tmp_path / 'p0.xml').write_text('<?xml version="1.0" encoding="gb2312"?>' + text)
    assert_left_out(read_any(tmp_path, pictures), truth, 'multi-byte encodings are not supported')


def test_lists_of_voc_in_another_encoding_are_one_line(truth, pictures, tmp_path):
    writers.write_voc(truth, tmp_path / 'Annotations')
    (tmp_path / 'ImageSets/Main').mkdir(parents=True)
    (tmp_path / 'ImageSets/Main/train.txt').write_text('p0', encoding='utf-16')
    with pytest.raises(InputError, match=r'train\.txt is no UTF-8 text'):
        read_any(tmp_path / 'Annotations', pictures)


@pytest.mark.parametrize(
    'line, message',
    [
        ('train: ' + 'x' * 300, r'train names x+ \.\.\. x+, which is neither a folder nor a list'),
        ('train: "a\\0b"', 'which is neither a folder nor a list'),
        ('train: x\nday: 2001-99-99', 'is not YAML .month must be in'),
        ('train: mask.png', r'mask\.png is no UTF-8 text'),
        ('train: .\nnames: [[a], b]', 'has names of .*expected a list of the class names'),
    ],
)
def test_odd_lines_of_a_yaml_are_one_line(pictures, tmp_path, line, message):
    (tmp_path / 'data.yaml').write_text(line + '\nnames: [a]' * ('names' not in line))
    (tmp_path / 'mask.png').write_bytes(bombs.large_png(b''))
    with pytest.raises(InputError, match=message):
        read_any(tmp_path / 'data.yaml', pictures)


def test_a_class_written_as_a_fraction_is_no_other_class(pictures, tmp_path):
    (tmp_path / 'p0.txt').write_text('1 .5 .5 .5 .5\n1.0 .5 .5 .5 .5\n')
    names = [c['name'] for c in read_any(tmp_path, pictures).data['categories']]
    assert names == ['1']


def test_a_share_far_below_0_is_damage(truth, pictures, tmp_path):
    writers.write_yolo(truth, tmp_path)
    (tmp_path / 'classes.txt').write_text('\n'.join(writers.CLASSES))
    (tmp_path / 'p0.txt').write_text('0 -30 .5 .1 .1')
    assert_left_out(read_any(tmp_path, pictures), truth, 'line 1 has -30, expected shares')
