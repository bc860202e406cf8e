"""LabelMe, VIA and CVAT: shapes, groups, classes, and what is left out or damaged."""

import json

import numpy as np
import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any

from .compared import rows, true_rows
from .truth import cvat, labelme_shape, via, write_labelme


def labelme(shapes, folder):
    content = dict(shapes=shapes, imagePath='p0.png', imageData=None)
    (folder / 'p0.json').write_text(json.dumps(content))
    return folder


def test_labelmes_group_is_one_object(truth, pictures, tmp_path):
    one, other = truth['p0.png'][:2]
    shapes = [labelme_shape(dict(o, label='cell', group=7), 'polygon') for o in (one, other)]
    shapes.append(labelme_shape(dict(one, label='big cell', group=7), 'rectangle'))
    found = read_any(labelme(shapes, tmp_path), pictures)
    [both, alone] = found.data['annotations']
    corners = np.array([(*o['box'][:2], *np.add(o['box'][:2], o['box'][2:])) for o in (one, other)])
    low, high = corners[:, :2].min(0), corners[:, 2:].max(0)
    assert both['bbox'] == [*low, *(high - low)] and len(both['segmentation']) == 2
    assert alone['bbox'] == list(map(float, one['box']))


def test_a_mask_in_a_group_makes_a_mask_of_all(truth, pictures, tmp_path):
    one, other = truth['p0.png'][:2]
    shapes = [
        labelme_shape(dict(o, label='cell', group=7), kind)
        for o, kind in ((one, 'mask'), (other, 'rectangle'))
    ]
    [both] = read_any(labelme(shapes, tmp_path), pictures).data['annotations']
    assert isinstance(both['segmentation'], dict)
    assert both['area'] > other['box'][2] * other['box'][3]


def test_a_circle_is_its_polygon(pictures, truth, tmp_path):
    shape = dict(label='cell', shape_type='circle', points=[[40, 30], [43, 34]])
    [made] = read_any(labelme([shape], tmp_path), pictures).data['annotations']
    assert made['bbox'] == [35, 25, 10, 10] and made['area'] == pytest.approx(np.pi * 25, rel=2e-3)


def test_lines_and_points_are_counted_and_left_out(pictures, truth, tmp_path):
    shapes = [labelme_shape(truth['p0.png'][0], 'polygon')]
    shapes += [dict(label='x', shape_type=kind, points=[[1, 2]]) for kind in ('point', 'line')]
    found = read_any(labelme(shapes, tmp_path), pictures)
    assert len(found.data['annotations']) == 1
    assert '1 shapes of the type point, left out, such as p0.json' in found.notes


@pytest.mark.parametrize(
    'shapes, reason',
    [
        ([dict(label='a', points=3)], 'points are 3'),
        ([dict(label='a', points=[['x', 1]])], 'a point is x'),
        ([dict(points=[[0, 0], [5, 0], [5, 5]])], 'an object has no class'),
        (
            [dict(label='a', shape_type='circle', points=[[0, 0]])],
            'circle has 1 points',
        ),
        (
            [dict(label='a', shape_type='mask', points=[[0, 0], [1, 1]], mask='!')],
            'no PNG in base64',
        ),
        (None, 'no list of shapes'),
    ],
)
def test_a_damaged_labelme_file_is_named(truth, pictures, tmp_path, shapes, reason):
    write_labelme(truth, tmp_path, 'rectangle')
    labelme(shapes, tmp_path)
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows({n: o for n, o in truth.items() if n != 'p0.png'})
    [note] = [n for n in found.notes if n.startswith('1 damaged')]
    assert 'p0.json: ' in note and reason in note


def test_a_labelme_file_that_is_no_json_is_named(truth, pictures, tmp_path):
    write_labelme(truth, tmp_path, 'rectangle')
    (tmp_path / 'p0.json').write_text('{"shapes": [')
    [note] = [n for n in read_any(tmp_path, pictures).notes if n.startswith('1 damaged')]
    assert 'p0.json: is not JSON' in note


def read_via(content, folder, pictures):
    (folder / 'via.json').write_text(json.dumps(content))
    return read_any(folder / 'via.json', pictures)


def test_vias_annotations_alone_and_its_first_version_are_read(truth, pictures, tmp_path):
    entries = via(truth, 'rect')['_via_img_metadata']
    assert rows(read_via(entries, tmp_path, pictures).data) == true_rows(truth)
    for entry in entries.values():
        entry['regions'] = dict(enumerate(entry['regions']))
    assert rows(read_via(entries, tmp_path, pictures).data) == true_rows(truth)


def test_vias_only_attribute_is_the_class_whatever_its_name(truth, pictures, tmp_path):
    text = json.dumps(via(truth, 'rect')).replace('"class"', '"what"').replace(', "note": ""', '')
    found = read_via(json.loads(text), tmp_path, pictures)
    assert rows(found.data) == true_rows(truth) and 'classes: attribute what' in found.notes


def test_vias_unknown_attributes_are_one_line(truth, pictures, tmp_path):
    text = json.dumps(via(truth, 'rect')).replace('"class"', '"what"')
    with pytest.raises(InputError, match='attributes what, note, and any may be the class'):
        read_via(json.loads(text), tmp_path, pictures)


def test_vias_check_boxes_and_missing_attributes(truth, pictures, tmp_path):
    content = via(truth, 'rect')
    for entry in content['_via_img_metadata'].values():
        for region in entry['regions']:
            name = region['region_attributes']['class']
            region['region_attributes'] = {'class': {name: True, 'x': False}}
    assert rows(read_via(content, tmp_path, pictures).data) == true_rows(truth)
    text = json.dumps(via(truth, 'rect'))
    for name in ('cell', 'big cell'):
        text = text.replace(f'{{"class": "{name}", "note": ""}}', '{}')
    assert rows(read_via(json.loads(text), tmp_path, pictures).data) == true_rows(truth, 'object')


def test_vias_ellipses_and_points(truth, pictures, tmp_path):
    content = via({'p0.png': []}, 'rect')
    [entry] = content['_via_img_metadata'].values()
    shapes = [
        dict(name='ellipse', cx=40, cy=30, rx=10, ry=5, theta=np.pi / 2),
        dict(name='circle', cx=20, cy=20, r=6),
        dict(name='point', cx=1, cy=2),
    ]
    entry['regions'] = [
        dict(shape_attributes=s, region_attributes={'class': 'cell'}) for s in shapes
    ]
    found = read_via(content, tmp_path, pictures)
    assert [a['bbox'] for a in found.data['annotations']] == [[35, 20, 10, 20], [14, 14, 12, 12]]
    assert any(n.startswith('1 regions of the shape point') for n in found.notes)


def test_a_damaged_region_leaves_its_picture_out(truth, pictures, tmp_path):
    content = via(truth, 'rect')
    content['_via_img_metadata']['p0.png123']['regions'][0]['shape_attributes']['x'] = None
    found = read_via(content, tmp_path, pictures)
    assert rows(found.data) == true_rows({n: o for n, o in truth.items() if n != 'p0.png'})
    assert any('p0.png123: x is None, expected a number' in n for n in found.notes)


def read_cvat(text, folder, pictures):
    (folder / 'annotations.xml').write_text(text)
    return read_any(folder / 'annotations.xml', pictures)


def test_cvats_points_lines_and_tags_are_counted(truth, pictures, tmp_path):
    more = '<polyline label="cell" points="1,2;3,4"/><points label="cell" points="1,2"/></image>'
    text = cvat(truth, 'polygon').replace('</image>', more, 1)
    found = read_cvat(text, tmp_path, pictures)
    assert rows(found.data) == true_rows(truth)
    for kind in ('polyline', 'points'):
        assert f'1 shapes of the type {kind}, left out, such as p0.png' in found.notes


def test_cvats_group_is_one_object_and_group_0_is_none(truth, pictures, tmp_path):
    text = cvat({'p0.png': [dict(o, label='cell') for o in truth['p0.png'][:3]]}, 'polygon')
    alone = read_cvat(text.replace('<polygon ', '<polygon group_id="0" '), tmp_path, pictures)
    joined = read_cvat(text.replace('<polygon ', '<polygon group_id="4" '), tmp_path, pictures)
    assert [len(f.data['annotations']) for f in (alone, joined)] == [3, 1]


def test_cvats_turned_box_and_ellipse_are_outlines(truth, pictures, tmp_path):
    text = cvat({'p0.png': []}, 'box').replace(
        '<image', '<image name="p0.png"><box label="cell" xtl="10" ytl="20" xbr="30" ybr="30" '
        'rotation="90"/><ellipse label="cell" cx="40" cy="30" rx="10" ry="5"/></image><other', 1
    )  # fmt: skip
    found = read_cvat(text, tmp_path, pictures)
    assert [a['bbox'] for a in found.data['annotations']] == [[15, 15, 10, 20], [30, 25, 20, 10]]


def test_cvats_subsets_are_the_split(truth, pictures, tmp_path):
    text = cvat(truth, 'box')
    for name in truth:
        part = 'Validation' if name == 'p1.png' else 'Train'
        text = text.replace(f'name="{name}"', f'name="{name}" subset="{part}"')
    found = read_cvat(text, tmp_path, pictures)
    assert rows(found.of('val')) == true_rows({'p1.png': truth['p1.png']})
    assert len(found.of('train')['images']) == 3


@pytest.mark.parametrize(
    'kind, old, new, reason',
    [
        ('mask', ' rle="', ' rle="5, ', 'a mask has run lengths of'),
        ('mask', ' rle="', ' rle="x, ', 'a mask has the run lengths x'),
        ('polygon', ' points="', ' points="3;', 'a polygon has the points 3;'),
        ('box', ' xtl="', ' xtl="x', 'xtl is x'),
    ],
)
def test_a_damaged_shape_leaves_its_picture_out(truth, pictures, tmp_path, kind, old, new, reason):
    found = read_cvat(cvat(truth, kind).replace(old, new, 1), tmp_path, pictures)
    assert rows(found.data) == true_rows({n: o for n, o in truth.items() if n != 'p0.png'})
    assert any(n.startswith('1 damaged') and f'p0.png: {reason}' in n for n in found.notes)


def test_a_damaged_cvat_file_is_one_line(truth, pictures, tmp_path):
    with pytest.raises(InputError, match=r'annotations\.xml is not XML .*copy it again'):
        read_cvat(cvat(truth, 'box')[:-30], tmp_path, pictures)
