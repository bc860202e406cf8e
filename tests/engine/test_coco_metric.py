"""mAP counts as many detections of a picture as the model returns."""

import json

import numpy as np
import pytest
from mmdet.registry import METRICS
from mmengine.config import Config
from pycocotools import mask as coco_mask

from ocrnet_mmdet.engine.coco_metric import count_all


def boxes_of(count):
    """Boxes of 6 px in a grid, xyxy."""
    corner = 10 * np.stack(np.divmod(np.arange(count), 20), 1).astype(float)
    return np.concatenate([corner, corner + 6], 1)


@pytest.fixture
def ann_file(tmp_path):
    boxes = boxes_of(150)
    annotations = [
        dict(
            id=i + 1,
            image_id=1,
            category_id=1,
            bbox=[x, y, 6, 6],
            area=36,
            iscrowd=0,
            segmentation=[[x, y, x + 6, y, x + 6, y + 6, x, y + 6]],
        )
        for i, (x, y, *_) in enumerate(boxes)
    ]
    path = tmp_path / 'a.json'
    path.write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='a.png', width=200, height=200)],
                annotations=annotations,
                categories=[dict(id=1, name='colony')],
            )
        )
    )
    return str(path)


def scores(ann_file, found, **options):
    metric = METRICS.build(dict(options, ann_file=ann_file, metric=['bbox', 'segm']))
    metric.dataset_meta = dict(classes=('colony',))
    boxes = boxes_of(found)
    outlines = [[[x, y, v, y, v, w, x, w]] for x, y, v, w in boxes.tolist()]
    masks = [coco_mask.merge(coco_mask.frPyObjects(o, 200, 200)) for o in outlines]
    prediction = dict(
        img_id=1,
        bboxes=boxes,
        scores=np.linspace(1, 0.5, found),
        labels=np.zeros(found, int),
        masks=masks,
    )
    return metric.compute_metrics([(dict(width=200, height=200, img_id=1), prediction)])


@pytest.mark.parametrize(
    'kind, found, expected',
    [
        ('CocoMetric', 150, 0.66),
        ('OCRNetCocoMetric', 150, 1),
        ('OCRNetCocoMetric', 101, 0.67),
        ('OCRNetCocoMetric', 90, 0.6),
    ],
)
def test_map_counts_more_than_a_hundred_detections(ann_file, kind, found, expected):
    result = scores(ann_file, found, type=kind)
    assert (
        result['bbox_mAP'] == pytest.approx(expected, abs=0.015)
        and result['segm_mAP'] == result['bbox_mAP']
    )


def test_up_to_a_hundred_detections_all_figures_are_cocos(ann_file):
    assert scores(ann_file, 100, type='OCRNetCocoMetric') == scores(
        ann_file, 100, type='CocoMetric'
    )


def test_proposal_nums_are_the_limit(ann_file):
    result = scores(ann_file, 150, type='OCRNetCocoMetric', proposal_nums=(10, 60, 120))
    assert result['bbox_mAP'] == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize(
    'test_cfg, option',
    [
        (
            dict(rpn=dict(max_per_img=2000), rcnn=dict(max_per_img=1500)),
            'model.test_cfg.rcnn.max_per_img',
        ),
        (dict(max_per_img=1500, nms_pre=1000), 'model.test_cfg.max_per_img'),
    ],
)
def test_evaluators_follow_the_models_limit(test_cfg, option):
    cfg = Config(
        dict(
            model=dict(test_cfg=test_cfg),
            val_evaluator=dict(type='CocoMetric', metric='bbox'),
            test_evaluator=dict(type='VOCMetric'),
        )
    )
    (note,) = count_all(cfg, [cfg.val_evaluator, cfg.test_evaluator])
    assert f'1500 detections of a picture, as {option} says' in note
    assert METRICS.build(cfg.val_evaluator).proposal_nums == [100, 300, 1500]
    assert cfg.test_evaluator == dict(type='VOCMetric')


def test_cocos_own_limit_leaves_cocos_metric():
    cfg = Config(
        dict(
            model=dict(test_cfg=dict(rcnn=dict(max_per_img=100))),
            val_evaluator=dict(type='CocoMetric'),
        )
    )
    assert count_all(cfg, [cfg.val_evaluator]) == [] and cfg.val_evaluator == dict(
        type='CocoMetric'
    )
