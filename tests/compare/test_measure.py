"""Figures beside AP, each against what is known of the case."""

import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.models.dense_heads import RetinaHead
from mmengine.config import Config
from mmengine.structures import InstanceData
from pycocotools.coco import COCO
from torch import nn

from demo.data_set import make_demo_set
from ocrnet_mmdet.compare.measure import Measures, as_results, average_recall
from ocrnet_mmdet.evenly import evenly

from ..detectors import CLASSES, ocrnet_config, tiny

SIZE, SCALE = 64, 96


@pytest.fixture(scope='module')
def measures(tmp_path_factory):
    """An untrained detector on four generated pictures, shown half as large again."""
    folder = tmp_path_factory.mktemp('measure')
    make_demo_set(str(folder), train=2, val=4, unlabelled=0, size=SIZE)
    file = folder / 'annotations/val.json'
    data = json.loads(file.read_text())
    for item in data['annotations']:
        item['category_id'] = data['categories'][item['id'] % CLASSES]['id']
    data['categories'] = data['categories'][:CLASSES]
    file.write_text(json.dumps(data))
    names = tuple(category['name'] for category in data['categories'])
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(SCALE, SCALE), keep_ratio=True),
        dict(type='PackDetInputs', meta_keys=('img_id', 'img_shape', 'ori_shape', 'scale_factor')),
    ]
    dataset = dict(
        type='CocoDataset',
        ann_file=str(file),
        data_prefix=dict(img=str(folder)),
        metainfo=dict(classes=names),
        pipeline=pipeline,
    )
    model = ocrnet_config()
    weights = dict(state_dict=tiny(model).state_dict(), meta=dict(dataset_meta=dict(classes=names)))
    torch.save(weights, folder / 'weights.pth')
    cfg = Config(dict(model=model, test_dataloader=dict(dataset=dataset), default_scope='mmdet'))
    return Measures(cfg, str(folder / 'weights.pth'))


def truth_of(measures):
    return COCO(measures.ann_file)


def best_of(objects, boxes, least):
    """Objects that the boxes find at most, one each: every assignment is tried."""
    if not len(objects):
        return 0
    found = best_of(objects[1:], boxes, least)
    for i in range(len(boxes)):
        if overlap(objects[0], boxes[i]) >= least:
            rest = [box for k, box in enumerate(boxes) if k != i]
            found = max(found, 1 + best_of(objects[1:], rest, least))
    return found


def overlap(a, b):
    sides = [max(0.0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1)]
    area = sides[0] * sides[1]
    return area / (sum((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)) - area)


def test_recall_is_that_of_every_assignment_tried(tmp_path):
    rng = np.random.default_rng(0)
    corners = np.array([[10, 10], [60, 10], [10, 60], [60, 60]], float)
    objects = {i: np.concatenate([corners, corners + 30], 1) for i in (1, 2)}
    boxes = {i: np.concatenate([o + rng.normal(0, 3, o.shape)] * 2)[:6] for i, o in objects.items()}
    items = [
        dict(id=4 * i + k, image_id=i, category_id=k % 2 + 1, iscrowd=0, area=900)
        | dict(bbox=[*o[:2], 30, 30])
        for i, found in objects.items()
        for k, o in enumerate(found.tolist())
    ]
    file = tmp_path / 'truth.json'
    file.write_text(
        json.dumps(
            dict(
                images=[dict(id=i, width=100, height=100) for i in (1, 2)],
                categories=[dict(id=k, name=str(k)) for k in (1, 2)],
                annotations=items,
            )
        )
    )
    proposals = [
        result
        for i, found in boxes.items()
        for result in as_results(i, torch.tensor(found), torch.rand(len(found)))
    ]
    expected = np.mean(
        [
            sum(best_of(objects[i].tolist(), boxes[i].tolist(), least) for i in (1, 2)) / 8
            for least in np.arange(0.5, 0.96, 0.05)
        ]
    )
    truth = COCO(str(file))
    assert average_recall(truth, proposals, [1, 2]) == pytest.approx(expected, abs=1e-4)
    assert average_recall(truth, proposals, [1]) != average_recall(truth, proposals, [2])
    assert 0.2 < expected < 0.9 and average_recall(truth, [], [1, 2]) == 0


def test_proposals_after_the_hundredth_do_not_count(measures):
    truth, objects = truth_of(measures), {}
    for item in truth.anns.values():
        x, y, w, h = item['bbox']
        objects.setdefault(item['image_id'], []).append([x, y, x + w, y + h])
    ids = list(objects)

    def recall(before):
        results = []
        for key, boxes in objects.items():
            wrong = [[0.0, 0.0, 1.0, 1.0]] * before
            scores = torch.linspace(1, 0, before + len(boxes))
            results += as_results(key, torch.tensor(wrong + boxes), scores)
        return average_recall(truth, results, ids)

    assert recall(10) == 1 and recall(100) == 0


def test_proposals_are_judged_in_the_pictures_pixels(measures, monkeypatch):
    truth = truth_of(measures)

    def predict(levels, samples, rescale):
        boxes = measures._objects(truth, samples[0])[0]
        boxes = boxes / SCALE * SIZE if rescale else boxes
        return [InstanceData(bboxes=boxes, scores=torch.ones(len(boxes)))]

    monkeypatch.setattr(measures.model.rpn_head, 'predict', predict)
    assert measures.regions()['proposal_recall'] == pytest.approx(1)


@pytest.mark.parametrize('number', range(CLASSES))
def test_region_accuracy_of_one_answer_is_its_share(measures, number):
    layer = measures.model.roi_head.bbox_head.fc_cls
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.eye(CLASSES + 1)[number])
    truth = truth_of(measures)
    category = sorted(truth.cats)[number]
    expected = np.mean([item['category_id'] == category for item in truth.anns.values()])
    found = measures.regions()['region_accuracy']
    assert found == pytest.approx(expected, abs=1e-4) and 0 < found < 1


def test_objects_are_in_pixels_of_the_nets_input(measures):
    truth, sample = truth_of(measures), measures._batch(0)['data_samples'][0]
    boxes, labels = measures._objects(truth, sample)
    x, y, w, h = truth.imgToAnns[sample.img_id][0]['bbox']
    scale = SCALE / SIZE
    assert boxes[0].tolist() == pytest.approx(
        [x * scale, y * scale, (x + w) * scale, (y + h) * scale]
    )
    assert len(labels) == len(truth.imgToAnns[sample.img_id])


class Net(nn.Module):
    """A convolution, in a detector's place."""

    def __init__(self, seconds=()):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.seconds = list(seconds)

    def data_preprocessor(self, data, training):
        return dict(data, inputs=torch.stack(data['inputs']).float())

    def forward(self, inputs, data_samples):
        return self.conv(inputs)

    def test_step(self, data):
        time.sleep(self.seconds.pop(0))


def with_model(measures, model):
    return SimpleNamespace(**vars(measures) | dict(model=model), _batch=measures._batch)


def test_flops_of_a_convolution(measures):
    found = Measures.flops(with_model(measures, Net()))
    assert found == dict(flops=SCALE * SCALE * 3 * 3 * 3 * 8)


def test_latency_is_the_median_after_the_first(measures):
    net = Net([0.5, 0.02, 0.02, 0.02, 0.3])
    found = Measures.latency(with_model(measures, net))['latency_seconds']
    assert 0.02 <= found < 0.15 and not net.seconds


def test_a_one_stage_detector_has_no_regions(measures):
    model = nn.Module()
    model.bbox_head = RetinaHead(3, 8, feat_channels=8)
    assert Measures.regions(with_model(measures, model)) == {}


def test_what_cannot_be_measured_leaves_the_others(measures, monkeypatch):
    def fails():
        raise RuntimeError('no such operator')

    monkeypatch.setattr(measures, 'flops', fails)
    found, notes = measures.all()
    assert notes == ['FLOPs: RuntimeError: no such operator']
    assert found['latency_seconds'] > 0 and 0 <= found['proposal_recall'] <= 1


def test_pictures_are_drawn_evenly():
    assert evenly(5, 10) == [0, 1, 2, 3, 4] and evenly(101, 3) == [0, 50, 100]
