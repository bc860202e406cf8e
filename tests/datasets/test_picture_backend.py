"""mmdet's own tools and inferencer read pictures as training does, through mmcv's own loader."""

import importlib.util
import json
from pathlib import Path

import cv2
import mmcv
import mmdet
import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import get_loading_pipeline
from mmdet.datasets.transforms import InferencerLoader
from mmdet.registry import DATASETS, TRANSFORMS
from mmengine import fileio
from mmengine.config import Config, ConfigDict

from ocrnet_mmdet.datasets.load_image import read_picture
from ocrnet_mmdet.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
BACKEND = ConfigDict(backend='ocrnet_pictures')
TRAINED = [
    'ocrnet_small_data.py',
    'ocrnet_coco.py',
    'ocrnet_coco_1024.py',
    'demo/ocrnet_demo.py',
    'benchmark/ocrnet_tiny.py',
    'benchmark/stock_tiny.py',
]


@pytest.fixture
def deep(tmp_path):
    """A 12-bit picture in a 16-bit file, which mmcv by itself shows black."""
    path = tmp_path / 'deep.png'
    values = np.arange(33 * 47, dtype=np.uint16).reshape(33, 47) * 2
    cv2.imwrite(str(path), values)
    return str(path)


def test_mmcvs_loader_keeps_its_name():
    assert TRANSFORMS.get('LoadImageFromFile') is LoadImageFromFile


@pytest.mark.parametrize('name', TRAINED)
def test_every_pipeline_reads_by_our_backend(name):
    cfg = Config.fromfile(CONFIGS / name)
    loading = get_loading_pipeline(cfg.train_dataloader.dataset.pipeline)
    assert [step.type for step in loading] == ['LoadImageFromFile', 'LoadAnnotations']
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        steps = cfg[loader].dataset.pipeline
        assert steps[0].type == 'LoadImageFromFile' and steps[0].backend_args == BACKEND
        assert 'OCRNetCheckFrame' in [step.type for step in steps]
    assert cfg.default_hooks.visualization.backend_args == BACKEND


@pytest.mark.parametrize('flag', ['color', 'unchanged'])
@pytest.mark.parametrize('decoder', ['cv2', 'pillow'])
def test_the_loader_gives_the_pixels_that_were_decoded(deep, flag, decoder):
    loader = LoadImageFromFile(color_type=flag, imdecode_backend=decoder, backend_args=BACKEND)
    assert np.array_equal(loader(dict(img_path=deep))['img'], read_picture(deep))
    assert np.ptp(read_picture(deep)) > 250


def test_the_inferencers_loader_reads_alike_and_takes_arrays(deep):
    loader = InferencerLoader(backend_args=BACKEND)
    assert np.array_equal(loader(deep)['img'], read_picture(deep))
    assert loader(np.zeros((4, 5, 3), np.uint8))['img'].shape == (4, 5, 3)


def test_a_drawing_is_made_on_the_picture_as_it_was_read(deep):
    shown = mmcv.imfrombytes(fileio.get(deep, backend_args=BACKEND), channel_order='rgb')
    assert np.array_equal(shown[..., ::-1], read_picture(deep))


def test_what_mmengine_keeps_of_a_backend_reads_any_file(tmp_path, deep):
    first = fileio.get_file_backend(deep, backend_args=BACKEND, enable_singleton=True)
    assert first is fileio.get_file_backend(deep, backend_args=BACKEND, enable_singleton=True)
    with pytest.raises(InputError, match='gone.jpg: cannot be used: No such file'):
        first.get(str(tmp_path / 'gone.jpg'))


def analysis_tool():
    path = Path(mmdet.__file__).parent / '.mim/tools/analysis_tools/analyze_results.py'
    spec = importlib.util.spec_from_file_location('analyze_results', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mmdets_analysis_of_results_runs_on_our_configs(tmp_path, deep):
    images = [dict(id=1, file_name='deep.png', width=47, height=33)]
    objects = [
        dict(
            id=1,
            image_id=1,
            category_id=1,
            bbox=[2, 3, 20, 20],
            area=400,
            iscrowd=0,
            segmentation=[[2, 3, 22, 3, 22, 23, 2, 23]],
        )
    ]
    (tmp_path / 'val.json').write_text(
        json.dumps(dict(images=images, annotations=objects, categories=[dict(id=1, name='object')]))
    )
    cfg = Config.fromfile(CONFIGS / 'ocrnet_small_data.py')
    data = cfg.test_dataloader.dataset
    data.update(
        data_root=str(tmp_path),
        ann_file='val.json',
        data_prefix=dict(img=''),
        pipeline=get_loading_pipeline(cfg.train_dataloader.dataset.pipeline),
    )
    found = dict(
        bboxes=torch.tensor([[2.0, 3, 22, 23]]),
        scores=torch.ones(1),
        labels=torch.zeros(1, dtype=torch.long),
    )
    tool = analysis_tool()
    seen = []
    good, _ = tool.ResultVisualizer.detection_evaluate(
        None,
        DATASETS.build(data),
        [dict(pred_instances=found)],
        topk=1,
        eval_fn=lambda boxes, truth: seen.append((boxes, truth)) or 1.0,
    )
    assert good == [(0, 1.0)] and seen[0][0][0].tolist() == [[2, 3, 22, 23, 1]]
    assert seen[0][1]['bboxes'].tolist() == [[2, 3, 22, 23]]
