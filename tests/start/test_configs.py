"""What tools/start.py writes into the configs follows from the data."""

import json

import numpy as np
from mmengine.config import Config
from PIL import Image

from ocrnet_mmdet.engine.coco_metric import detections_caps
from ocrnet_mmdet.start import start

from .folders import CONFIGS, begin


def test_the_config_says_what_follows_from_the_data(mine):
    cfg = Config.fromfile(mine / 'finetune.py')
    assert cfg.model.roi_head.bbox_head.num_classes == len(cfg.classes) == 5
    assert cfg.model.roi_head.mask_head.num_classes == 5 and cfg.val_evaluator.metric == [
        'bbox',
        'segm',
    ]
    resize = next(step for step in cfg.test_dataloader.dataset.pipeline if step.type == 'Resize')
    assert (
        resize.scale == (cfg.image_scale, cfg.image_scale)
        and cfg.train_cfg.val_interval * 10 == cfg.max_iters
    )
    text = (mine / 'finetune.py').read_text()
    assert all(
        '  # ' in line
        for line in text.splitlines()
        if line.startswith(('image_scale', 'crop_size', 'lr'))
    )


def test_crowded_pictures_get_as_many_detections(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    first = data['annotations'][0]
    data['annotations'] += [
        dict(first, id=10_000 + i, bbox=[i % 40, i // 40, 20 + i % 7, 20 + i % 5])
        for i in range(130)
    ]
    (tmp_path / 'crowded.json').write_text(json.dumps(data))
    report = begin(pictures, tmp_path / 'mine', labels=tmp_path / 'crowded.json')
    most = sum(a['image_id'] == first['image_id'] for a in data['annotations'])
    assert f'max_detections = 300  (of a picture, which has up to {most} objects)' in report
    caps = detections_caps(Config.fromfile(tmp_path / 'mine/finetune.py').model)
    assert set(caps.values()) == {300}


def test_boxes_alone_make_a_detector_of_boxes(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    for annotation in data['annotations']:
        del annotation['segmentation']
    (tmp_path / 'boxes.json').write_text(json.dumps(data))
    start(pictures, tmp_path / 'boxes.json', None, 0.25, 0, True, tmp_path / 'mine', CONFIGS)
    cfg = Config.fromfile(tmp_path / 'mine/finetune.py')
    assert cfg.model.roi_head.mask_head is None and cfg.val_evaluator.metric == ['bbox']
    assert Config.fromfile(tmp_path / 'mine/pretrain.py').model.weights.masks == 0


def test_run_lengths_are_read_as_bitmaps(pictures, tmp_path):
    data = json.loads((pictures / 'annotations/train.json').read_text())
    mask = np.zeros((96, 96), int)
    mask[10:30, 20:40] = 1
    counts = np.diff(np.flatnonzero(np.diff(np.r_[-1, mask.T.ravel(), -1]))).tolist()
    data['annotations'][0]['segmentation'] = dict(size=[96, 96], counts=counts)
    (tmp_path / 'runs.json').write_text(json.dumps(data))
    start(pictures, tmp_path / 'runs.json', None, 0.25, 0, True, tmp_path / 'mine', CONFIGS)
    step = Config.fromfile(tmp_path / 'mine/finetune.py').train_dataloader.dataset.pipeline[1]
    assert step.type == 'LoadAnnotations' and step.poly2mask


def test_large_objects_get_whole_pictures(tmp_path):
    """One object of two thirds of a picture of 640 px: crops of it would hold none."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(1, 7):
        Image.fromarray(rng.integers(0, 255, (480, 640, 3), np.uint8)).save(tmp_path / f'{i}.png')
        images.append(dict(id=i, file_name=f'{i}.png', width=640, height=480))
        annotations.append(
            dict(id=i, image_id=i, category_id=1, bbox=[100, 40, 420, 400], area=168000, iscrowd=0)
        )
    labels = tmp_path / 'labels.json'
    labels.write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=[dict(id=1, name='x')]))
    )
    start(tmp_path, labels, None, 0.3, 0, True, tmp_path / 'mine', CONFIGS)
    cfg = Config.fromfile(tmp_path / 'mine/finetune.py')
    assert cfg.image_scale == cfg.crop_size == 128


def test_without_imagenet_weights_the_net_is_the_narrow_one(pictures, tmp_path):
    begin(pictures, tmp_path / 'mine', imagenet=False)
    for name in ('finetune', 'pretrain'):
        cfg = Config.fromfile(tmp_path / f'mine/{name}.py')
        backbone = cfg.model.get('detector', cfg.model).backbone
        assert backbone.init_cfg is None if 'init_cfg' in backbone else True
        assert backbone.arch == 'resnet18' and cfg.optim_wrapper.optimizer.lr == cfg.lr == 2e-3
