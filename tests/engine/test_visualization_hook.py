"""Drawings keep the sub-folders of their pictures, whatever the pictures are."""

import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.structures import InstanceData
from PIL import Image

from ocrnet_mmdet.engine import OCRNetVisualizationHook


class Pictures(list):
    def get_data_info(self, i):
        return dict(img_path=self[i])


def draw(paths, work_dir):
    """What a test of these pictures draws."""
    DetLocalVisualizer.get_instance(f'drawings of {work_dir}')
    hook = OCRNetVisualizationHook(
        draw=True, test_out_dir='shown', backend_args=dict(backend='ocrnet_pictures')
    )
    runner = SimpleNamespace(
        work_dir=str(work_dir),
        timestamp='now',
        test_dataloader=SimpleNamespace(dataset=Pictures(paths)),
    )
    hook.before_test(runner)
    for i, path in enumerate(paths):
        sample = DetDataSample(metainfo=dict(img_path=path))
        sample.pred_instances = InstanceData(
            bboxes=np.zeros((0, 4)), labels=np.zeros(0, int), scores=np.zeros(0)
        )
        hook.after_test_iter(runner, i, {}, [sample])
    return {
        os.path.relpath(os.path.join(folder, name), work_dir / 'now')
        for folder, _, names in os.walk(work_dir)
        for name in names
    }


@pytest.fixture
def pictures(tmp_path):
    def save(name):
        path = tmp_path / 'data' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 30, 3), 200, np.uint8)).save(path)
        return str(path)

    return save


def test_equal_names_in_sub_folders_are_drawn_beside_one_another(tmp_path, pictures):
    paths = [pictures('images/cam1/a.jpg'), pictures('images/cam2/a.jpg'), pictures('images/b.png')]
    assert draw(paths, tmp_path / 'work') == {'shown/cam1/a.jpg', 'shown/cam2/a.jpg', 'shown/b.png'}


def test_no_picture_is_drawn_outside_of_the_folder(tmp_path, pictures):
    paths = [pictures('images/a.jpg'), f'{tmp_path}/data/images/../other/b.jpg']
    pictures('other/b.jpg')
    assert draw(paths, tmp_path / 'work') == {'shown/images/a.jpg', 'shown/other/b.jpg'}


def test_a_picture_of_any_kind_is_drawn_as_it_was_read(tmp_path, pictures):
    (tmp_path / 'data').mkdir()
    deep = tmp_path / 'data' / 'c.tif'
    cv2.imwrite(str(deep), np.arange(600, dtype=np.uint16).reshape(20, 30))
    drawn = draw([pictures('a.tga'), pictures('b.mpo'), str(deep)], tmp_path / 'work')
    assert drawn == {'shown/a.tga.png', 'shown/b.mpo.png', 'shown/c.tif'}
    shown = cv2.imread(str(tmp_path / 'work/now/shown/c.tif'))
    assert np.ptp(shown) > 200
