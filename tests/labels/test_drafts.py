"""Labels that tools/predict.py drafted come back, with what annotators get to correct."""

import numpy as np
import pytest

from ocrnet_mmdet.labels import read_any
from ocrnet_mmdet.predict.crops import crop_of
from ocrnet_mmdet.predict.formats import FORMATS, Results
from ocrnet_mmdet.predict.found import Found

from .compared import rows, true_rows
from .truth import CLASSES, HEIGHT, WIDTH, make_truth, mask_of

FILES = dict(coco='coco.json', csv='found.csv', labelme='labelme', yolo='yolo')


def found_of(name, objects, with_masks):
    boxes = np.array([(*o['box'][:2], *np.add(o['box'][:2], o['box'][2:])) for o in objects])
    return Found(
        name,
        HEIGHT,
        WIDTH,
        boxes.astype(np.float32),
        np.linspace(0.99, 0.31, len(objects)).astype(np.float32),
        np.array([CLASSES.index(o['label']) for o in objects]),
        [o['label'] for o in objects],
        [crop_of(mask_of(o['points'])) for o in objects] if with_masks else None,
    )


@pytest.mark.parametrize('with_masks', [False, True], ids=['boxes', 'masks'])
@pytest.mark.parametrize('kind', FORMATS)
def test_drafts_come_back(kind, with_masks, tmp_path):
    folder = tmp_path / 'pictures'
    truth = {f'a/{name}': objects for name, objects in make_truth(folder / 'a', 3).items()}
    found = {name: found_of(name, objects, with_masks) for name, objects in truth.items()}
    paths = [str(folder / name) for name in found]
    results = Results(tmp_path / 'out', CLASSES, list(found), paths, found.__getitem__)
    FORMATS[kind](results)
    read = read_any(results.out / FILES[kind], folder)
    assert rows(read.data) == true_rows(truth)
    assert len(read.notes) == 1 + (kind in ('csv', 'yolo'))
    masked = with_masks and kind in ('coco', 'labelme')
    assert all(('segmentation' in a) == masked for a in read.data['annotations'])
