"""Labelled pictures, by name and by content."""

import json
import shutil

import cv2
import numpy as np
import pytest

from demo.data_set import make_demo_set
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.start import start
from ocrnet_mmdet.suggest.labelled import labelled_names

from ..detectors import ROOT

NAMES = ['a.png', 'sub/b.png', 'c.png', 'd.png']


@pytest.fixture
def pool(tmp_path):
    rng = np.random.default_rng(0)
    for name in NAMES:
        path = tmp_path / 'pool' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (9, 9, 3), np.uint8))
    return tmp_path / 'pool'


def write_coco(path, *names) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [dict(id=i, file_name=n, width=9, height=9) for i, n in enumerate(names, 1)]
    content = dict(images=images, annotations=[], categories=[dict(id=1, name='x')])
    path.write_text(json.dumps(content))


def found(labels, pool) -> set[str]:
    return labelled_names(labels, str(pool), NAMES)


def test_a_file_of_labels_leaves_out_those_it_names(pool, tmp_path):
    write_coco(tmp_path / 'labels.json', 'b.png', 'elsewhere.png')
    assert found(tmp_path / 'labels.json', pool) == {'sub/b.png'}


def test_a_copy_of_a_labelled_picture_is_labelled(pool, tmp_path):
    shutil.copy(pool / 'a.png', pool / 'd.png')
    write_coco(tmp_path / 'labels.json', 'a.png')
    assert found(tmp_path / 'labels.json', pool) == {'a.png', 'd.png'}


def test_both_parts_of_a_started_folder_count(pool, tmp_path):
    mine = tmp_path / 'mine'
    write_coco(mine / 'annotations/train.json', 'a.png')
    write_coco(mine / 'annotations/val.json', 'c.png')
    (mine / 'finetune').mkdir()
    (mine / 'finetune/scalars.json').write_text('{"loss": 1}\n{"loss": 2}\n')
    assert found(mine, pool) == {'a.png', 'c.png'}


def test_a_folder_of_pictures_counts_by_content(pool, tmp_path):
    (tmp_path / 'done').mkdir()
    shutil.copy(pool / 'c.png', tmp_path / 'done/renamed.png')
    cv2.imwrite(str(tmp_path / 'done/d.png'), np.zeros((9, 9, 3), np.uint8))
    assert found(tmp_path / 'done', pool) == {'c.png', 'd.png'}


def test_of_a_labelled_folder_only_labelled_pictures_count(pool, tmp_path):
    done = tmp_path / 'done'
    done.mkdir()
    shutil.copy(pool / 'c.png', done / 'other.png')
    shutil.copy(pool / 'd.png', done / 'waiting.png')
    shape = dict(label='x', shape_type='rectangle', points=[[1, 1], [5, 5]])
    content = dict(shapes=[shape], imagePath='other.png', imageWidth=9, imageHeight=9)
    (done / 'other.json').write_text(json.dumps(content))
    assert found(done, pool) == {'c.png'}


def test_labels_that_are_not_there_are_named(pool, tmp_path):
    with pytest.raises(InputError, match=r'none\.json.*does not exist'):
        found(tmp_path / 'none.json', pool)


def test_what_start_wrote_is_read_after_a_training(tmp_path):
    make_demo_set(str(tmp_path / 'own'), train=6, val=1, unlabelled=2, size=64)
    mine, labels = tmp_path / 'mine', tmp_path / 'own/annotations/train.json'
    configs = ROOT / 'configs'
    start(tmp_path / 'own', labels, None, 0.3, 0, imagenet=True, out=mine, configs=configs)
    log = mine / 'finetune/20260101_000000/vis_data/20260101_000000.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 1}\n{"loss": 2}\n')
    named = {image['file_name'] for image in json.loads(labels.read_text())['images']}
    pool = sorted(path.relative_to(tmp_path / 'own').as_posix() for path in tmp_path.rglob('*.jpg'))
    assert labelled_names(mine, str(tmp_path / 'own'), pool) == named < {*pool}
