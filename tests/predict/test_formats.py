"""Independent readers find in every format what was found."""

import csv
import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from ocrnet_mmdet.predict.crops import crop_of
from ocrnet_mmdet.predict.formats import FORMATS, Results
from ocrnet_mmdet.predict.found import Found

CLASSES = ('cell', 'Zelle, groß')


def make_found(name: str, with_masks: bool = True) -> Found:
    """Three objects, the second one of two parts."""
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 5:15, 10:30] = masks[1, 20:30, 5:15] = masks[1, 20:30, 25:40] = True
    masks[2, 30:40, 50:60] = True
    boxes = np.array([[10, 5, 30, 15], [5, 20, 40, 30], [50, 30, 60, 40]], np.float32)
    labels = np.array([1, 0, 1])
    return Found(
        name,
        40,
        60,
        boxes + np.float32(0.125),
        np.array([0.9, 0.8, 0.31], np.float32),
        labels,
        [CLASSES[label] for label in labels],
        [crop_of(mask) for mask in masks] if with_masks else None,
    )


@pytest.fixture(params=[True, False], ids=['masks', 'boxes'])
def results(request, tmp_path):
    """Two pictures of one stem, and one in which nothing was found."""
    found = {name: make_found(name, request.param) for name in ('a.jpg', 'sub/b.png', 'sub/b.tif')}
    nothing = found['sub/b.tif']
    nothing.boxes, nothing.scores = nothing.boxes[:0], nothing.scores[:0]
    nothing.labels, nothing.names = nothing.labels[:0], []
    nothing.crops = nothing.crops and []
    paths = [str(tmp_path / 'pictures' / name) for name in found]
    return Results(tmp_path / 'out', CLASSES, list(found), paths, found.__getitem__)


def test_coco_results_are_read_by_pycocotools(results):
    FORMATS['coco'](results)
    coco = COCO(str(results.out / 'coco.json'))
    loaded = coco.loadRes(str(results.out / 'coco_results.json'))
    assert [coco.imgs[i]['file_name'] for i in (1, 2, 3)] == results.names
    assert [c['name'] for c in coco.loadCats([1, 2])] == list(CLASSES)
    for source in (coco, loaded):
        objects = source.loadAnns(source.getAnnIds(imgIds=[2]))
        assert [o['category_id'] for o in objects] == [2, 1, 2] and not source.getAnnIds(imgIds=[3])
        assert objects[0]['bbox'] == [10.125, 5.125, 20, 10]
        assert [o['score'] for o in objects] == pytest.approx([0.9, 0.8, 0.31])
        crops = results.found('sub/b.png').crops
        if crops is not None:
            areas = [o['area'] for o in coco.loadAnns(coco.getAnnIds(imgIds=[2]))]
            assert areas == [200, 250, 100]
            masks = [coco.annToMask(o).astype(bool) for o in objects]
            assert (np.array(masks) == np.array(list(results.found('a.jpg').masks))).all()


def test_csv_has_a_row_an_object(results):
    FORMATS['csv'](results)
    with open(results.out / 'found.csv', encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['picture'] for row in rows] == ['a.jpg'] * 3 + ['sub/b.png'] * 3
    assert rows[0]['class'] == 'Zelle, groß' and float(rows[0]['score']) == pytest.approx(0.9)
    box = [float(rows[1][side]) for side in ('x0', 'y0', 'x1', 'y1')]
    assert box == pytest.approx([5.125, 20.125, 40.125, 30.125], abs=0.01)
    assert rows[1]['pixels'] == ('250' if results.found('a.jpg').crops else '')


def test_yolo_has_shares_of_the_picture(results):
    FORMATS['yolo'](results)
    folder = results.out / 'yolo'
    assert (folder / 'classes.txt').read_text(encoding='utf-8').splitlines() == list(CLASSES)
    table = np.loadtxt(folder / 'a.txt')
    assert table[:, 0].tolist() == [1, 0, 1]
    centre, size = table[:, 1:3] * [60, 40], table[:, 3:5] * [60, 40]
    boxes = np.concatenate([centre - size / 2, centre + size / 2], 1)
    assert boxes == pytest.approx(results.found('a.jpg').boxes, abs=1e-3)
    assert (folder / 'sub/b.png.txt').exists() and (folder / 'sub/b.tif.txt').read_text() == ''


def test_labelme_has_outlines_and_leads_to_the_picture(results):
    FORMATS['labelme'](results)
    place = results.out / 'labelme' / 'sub/b.png.json'
    content = json.loads(place.read_text(encoding='utf-8'))
    assert (place.parent / content['imagePath']).resolve() == (
        results.out.parent / 'pictures/sub/b.png'
    )
    assert (content['imageHeight'], content['imageWidth']) == (40, 60)
    shapes = content['shapes']
    if results.found('a.jpg').crops is None:
        assert [shape['shape_type'] for shape in shapes] == ['rectangle'] * 3
        assert shapes[0]['points'] == [[10.12, 5.12], [30.12, 15.12]]
        return
    assert [shape['label'] for shape in shapes] == [CLASSES[i] for i in (1, 0, 0, 1)]
    assert [shape['group_id'] for shape in shapes] == [None, 1, 1, None]
    for mask, parts in zip(results.found('a.jpg').masks, (shapes[:1], shapes[1:3], shapes[3:])):
        outlines = [np.ravel(shape['points']).tolist() for shape in parts]
        drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(outlines, 40, 60)))
        assert (drawn.astype(bool) == mask).all()


def test_a_found_picture_comes_back_from_its_record(results):
    for found in results:
        again = Found.of_record(json.loads(json.dumps(found.record())), CLASSES)
        assert again.record() == found.record() and again.names == found.names
        assert again.boxes.tolist() == found.boxes.tolist()
        if found.masks is not None:
            assert all((a == b).all() for a, b in zip(again.masks, found.masks))
