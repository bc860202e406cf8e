"""COCO JSON of annotation tools: each quirk is mended and said."""

import copy
import json

import numpy as np
import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any

from .compared import rows, true_rows
from .truth import coco, make_truth, mask_of


def read(data, folder, pictures):
    (folder / 'labels.json').write_text(json.dumps(data))
    return read_any(folder / 'labels.json', pictures)


def test_a_file_without_quirks_stays_as_it_is(truth, pictures, tmp_path):
    data = coco(truth)
    found = read(copy.deepcopy(data), tmp_path, pictures)
    assert found.data == data and found.notes == ['COCO JSON']


def test_label_studios_paths_lead_to_the_pictures(truth, pictures, tmp_path):
    data = coco(truth, outlines=False)
    for image, prefix in zip(
        data['images'],
        ('/data/upload/1/12ab34cd-', 'images\\12ab34cd-', '/data/local-files/?d=x/', '/home/me/'),
    ):
        image['file_name'] = prefix + image['file_name']
    for entry in [*data['categories'], *data['annotations']]:
        entry.update({'id': entry['id'] - 1})
    for annotation in data['annotations']:
        annotation.update(category_id=annotation['category_id'] - 1, segmentation=[], ignore=0)
        del annotation['iscrowd']
    found = read(data, tmp_path, pictures)
    assert rows(found.data) == true_rows(truth)
    [note] = found.notes[1:]
    assert note.startswith('4 file names') and 'upload/1/12ab34cd-p0.png as p0.png' in note


def test_a_name_that_leads_to_no_picture_stays_for_the_checks(truth, pictures, tmp_path):
    data = coco(truth)
    data['images'][0]['file_name'] = 'lost.png'
    found = read(data, tmp_path, pictures)
    assert found.data['images'][0]['file_name'] == 'lost.png'
    assert found.bare == {'p0.png'} and len(found.notes) == 1


def test_two_names_of_one_picture_are_not_both_taken(truth, pictures, tmp_path):
    data = coco(truth)
    data['images'][1]['file_name'] = 'elsewhere/p0.png'
    names = [i['file_name'] for i in read(data, tmp_path, pictures).data['images']]
    assert names[:2] == ['p0.png', 'elsewhere/p0.png']


def test_cvats_brush_masks_are_objects_and_no_crowds(truth, pictures, tmp_path):
    data = coco(truth)
    first, second = data['annotations'][:2]
    drawn = mask_of(truth['p0.png'][0]['points']).T.ravel().astype(int)
    counts = np.diff(np.flatnonzero(np.diff(np.r_[-1, drawn, -1]))).tolist()
    runs = dict(size=[64, 96], counts=counts)
    first.update(segmentation=runs, iscrowd=1, attributes=dict(occluded=False))
    second.update(segmentation=runs, iscrowd=1)  # COCO's own crowd
    found = read(data, tmp_path, pictures)
    assert [a['iscrowd'] for a in found.data['annotations'][:2]] == [0, 1]
    assert '1 masks that CVAT or Datumaro marks as crowds' in found.notes[1]


def test_roboflows_group_class_without_objects_goes(truth, pictures, tmp_path):
    data = coco(truth)
    for category in data['categories']:
        category['supercategory'] = 'cells'
    data['categories'].insert(0, dict(id=0, name='cells', supercategory='none'))
    for image in data['images']:
        image['file_name'] = image['file_name'].replace('.png', '_png.rf.0a1b2c3d4e.jpg')
    found = read(data, tmp_path, pictures)
    assert [c['name'] for c in found.data['categories']] == ['cell', 'big cell']
    assert rows(found.data) == true_rows(truth)
    assert any('1 categories without objects' in n and 'cells' in n for n in found.notes)


def test_categories_of_one_name_are_joined(truth, pictures, tmp_path):
    data = coco(truth)
    data['categories'].append(dict(id=9, name='cell'))
    for annotation in data['annotations'][::2]:
        annotation['category_id'] = 9 if annotation['category_id'] == 1 else 2
    found = read(data, tmp_path, pictures)
    assert rows(found.data) == true_rows(truth) and len(found.data['categories']) == 2


def test_vias_text_ids_and_flat_outlines_are_mended(truth, pictures, tmp_path):
    data = coco(truth)
    for annotation in data['annotations']:
        annotation['image_id'] = str(annotation['image_id'])
        annotation['category_id'] = str(annotation['category_id'])
        annotation['segmentation'] = annotation['segmentation'][0]
    found = read(data, tmp_path, pictures)
    assert found.data['annotations'] == coco(truth)['annotations'] and len(found.notes) == 4


def test_outlines_that_are_all_boxes_are_no_masks(truth, pictures, tmp_path):
    data = coco(truth)
    for annotation in data['annotations']:
        x, y, w, h = annotation['bbox']
        annotation['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    kept = copy.deepcopy(data)
    found = read(data, tmp_path, pictures)
    assert not any('segmentation' in a for a in found.data['annotations'])
    kept['annotations'][0]['segmentation'] = coco(truth)['annotations'][0]['segmentation']
    assert all('segmentation' in a for a in read(kept, tmp_path, pictures).data['annotations'])


@pytest.mark.parametrize('side', [None, 0])
def test_what_is_missing_is_made_from_the_rest(truth, pictures, tmp_path, side):
    data = coco(truth)
    for image in data['images']:
        image.update(width=side, height=side)
    for annotation in data['annotations']:
        del annotation['bbox'], annotation['id']
    found = read(data, tmp_path, pictures)
    assert rows(found.data) == true_rows(truth)
    assert {(i['width'], i['height']) for i in found.data['images']} == {(96, 64)}
    assert len({a['id'] for a in found.data['annotations']}) == len(data['annotations'])


def test_a_folder_of_parts_is_one_data_set_with_its_split(tmp_path):
    parts = dict(train=0, valid=1, test=2)
    truths = {}
    for name, seed in parts.items():
        truth = make_truth(tmp_path / name, seed, count=2)
        truths[name] = truth
        (tmp_path / name / '_annotations.coco.json').write_text(json.dumps(coco(truth)))
    found = read_any(tmp_path, tmp_path)
    assert sorted(found.part.values()) == ['test', 'test', 'train', 'train', 'val', 'val']
    [first, _] = found.of('val')['images']
    assert first['file_name'] == 'valid/p0.png'
    assert len(found.of('val')['annotations']) == sum(map(len, truths['valid'].values()))


def test_a_damaged_file_is_one_line(pictures, truth, tmp_path):
    (tmp_path / 'labels.json').write_text(json.dumps(coco(truth))[:-9])
    with pytest.raises(InputError, match=r'labels\.json is not JSON .*: export or copy it again'):
        read_any(tmp_path / 'labels.json', pictures)


@pytest.mark.parametrize('where', ['categories', 'annotations'])
@pytest.mark.parametrize('kind', [float, str, lambda key: f'{key}.0'], ids=['1.0', "'1'", "'1.0'"])
def test_ids_of_another_kind_are_the_same_ids(truth, pictures, tmp_path, where, kind):
    """As pandas and tables write them; cell is of its own group, as COCO's person is."""
    data = coco(truth)
    for category in data['categories']:
        category['supercategory'] = 'cell'
        category['id'] = kind(category['id']) if where == 'categories' else category['id']
    for image in data['images']:
        image['id'] = kind(image['id']) if where == 'categories' else image['id']
    for annotation in data['annotations'] if where == 'annotations' else ():
        for key in ('image_id', 'category_id'):
            annotation[key] = kind(annotation[key])
    found = read(data, tmp_path, pictures)
    assert rows(found.data) == true_rows(truth)
    assert [c['name'] for c in found.data['categories']] == ['cell', 'big cell']


def test_images_with_ids_of_1_0_are_those_of_text_1(truth, pictures, tmp_path):
    data = coco(truth)
    for image in data['images']:
        image['id'] = float(image['id'])
    for annotation in data['annotations']:
        annotation['image_id'] = str(annotation['image_id'])
    assert rows(read(data, tmp_path, pictures).data) == true_rows(truth)


def test_an_odd_name_in_one_of_several_files_is_no_crash(truth, pictures, tmp_path):
    data = coco(truth)
    data['images'][0]['file_name'] = [1]
    (tmp_path / 'a.json').write_text(json.dumps(data))
    (tmp_path / 'b.json').write_text(json.dumps(dict(coco({}), images=[])))
    assert read_any(tmp_path, pictures).data['images'][0]['file_name'] == [1]
