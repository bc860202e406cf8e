"""Every format, written from one truth by other code, gives the same boxes, classes and masks."""

import json

import pytest

from ocrnet_mmdet.labels import read_any

from . import truth as writers
from .compared import rows, true_rows, worst_mask


def csv_text(truth):
    lines = ['filename,width,height,class,xmin,ymin,xmax,ymax']
    for name, objects in truth.items():
        for o in objects:
            x, y, w, h = o['box']
            lines.append(f'{name},96,64,{o["label"]},{x},{y},{x + w},{y + h}')
    return '\n'.join(lines)


def write_named_yolo(truth, path, outlines):
    writers.write_yolo(truth, path, outlines)
    (path / 'classes.txt').write_text('cell\nbig cell\n')


WRITERS = dict(
    coco=lambda truth, path: path.with_suffix('.json').write_text(json.dumps(writers.coco(truth))),
    yolo_boxes=lambda truth, path: write_named_yolo(truth, path, False),
    yolo_outlines=lambda truth, path: write_named_yolo(truth, path, True),
    voc=writers.write_voc,
    labelme_boxes=lambda truth, path: writers.write_labelme(truth, path, 'rectangle'),
    labelme_outlines=lambda truth, path: writers.write_labelme(truth, path, 'polygon'),
    labelme_masks=lambda truth, path: writers.write_labelme(truth, path, 'mask'),
    via_boxes=lambda truth, path: path.with_suffix('.json').write_text(
        json.dumps(writers.via(truth, 'rect'))
    ),
    via_outlines=lambda truth, path: path.with_suffix('.json').write_text(
        json.dumps(writers.via(truth, 'polygon'))
    ),
    cvat_boxes=lambda truth, path: path.with_suffix('.xml').write_text(writers.cvat(truth, 'box')),
    cvat_outlines=lambda truth, path: path.with_suffix('.xml').write_text(
        writers.cvat(truth, 'polygon')
    ),
    cvat_masks=lambda truth, path: path.with_suffix('.xml').write_text(writers.cvat(truth, 'mask')),
    csv=lambda truth, path: path.with_suffix('.csv').write_text(csv_text(truth)),
)


def written(name, truth, folder):
    WRITERS[name](truth, folder / 'labels')
    [path] = folder.iterdir()
    return path


@pytest.mark.parametrize('name', WRITERS)
def test_boxes_and_classes_come_back(name, truth, pictures, tmp_path):
    found = read_any(written(name, truth, tmp_path), pictures)
    assert rows(found.data) == true_rows(truth)
    assert {(i['width'], i['height']) for i in found.data['images']} == {(96, 64)}


@pytest.mark.parametrize('name', [n for n in WRITERS if 'outlines' in n or 'masks' in n])
def test_masks_come_back(name, truth, pictures, tmp_path):
    found = read_any(written(name, truth, tmp_path), pictures)
    assert worst_mask(found.data, truth) > (0.999 if 'masks' in name else 0.99)


@pytest.mark.parametrize('name', [n for n in WRITERS if 'boxes' in n or n in ('voc', 'csv')])
def test_boxes_alone_have_no_masks(name, truth, pictures, tmp_path):
    found = read_any(written(name, truth, tmp_path), pictures)
    assert not any('segmentation' in a for a in found.data['annotations'])


@pytest.mark.parametrize('write', [writers.write_instance_masks, writers.write_object_masks])
def test_mask_pictures_come_back_as_one_class(write, truth, pictures, tmp_path):
    write(truth, tmp_path / 'masks')
    found = read_any(tmp_path / 'masks', pictures)
    assert rows(found.data) == true_rows(truth, 'object')
    assert worst_mask(found.data, truth) == 1


def test_the_order_of_the_classes_is_the_files_own(truth, pictures, tmp_path):
    for name in ('yolo_boxes', 'cvat_boxes'):
        (tmp_path / name).mkdir()
        found = read_any(written(name, truth, tmp_path / name), pictures)
        assert [c['name'] for c in found.data['categories']] == ['cell', 'big cell']


@pytest.mark.parametrize('seed', range(1, 6))
def test_other_truths_come_back_too(seed, tmp_path):
    truth = writers.make_truth(tmp_path / 'pictures', seed, count=2)
    for name in ('yolo_outlines', 'voc', 'labelme_masks', 'cvat_masks', 'csv'):
        (tmp_path / name).mkdir()
        found = read_any(written(name, truth, tmp_path / name), tmp_path / 'pictures')
        assert rows(found.data) == true_rows(truth), name
