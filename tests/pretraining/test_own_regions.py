import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps

from ocrnet_mmdet.pretraining.views import MIN_SIDE

from ..detectors import view_batch
from .test_pretrainer import DETECTORS, OFF, pretrainer, total

SIDE = 64


def finding(name='ocrnet', **kwargs):
    kwargs.setdefault('weights', dict(masks=0.0) if name == 'faster_rcnn' else {})
    model = pretrainer(DETECTORS[name](), min_score=0.0, **kwargs)
    model.keep_finder()
    model.own_regions = True
    return model.train()


@pytest.mark.parametrize('name', DETECTORS)
def test_a_views_regions_are_what_the_finder_is_confident_of(name):
    model = finding(name)
    data = view_batch(model, counts=((6, 5), (0, 0)))
    for sample in data['data_samples']:
        sample.segments = sample.segments[:0]  # how many of them were found does not count
    for sample in model._own_regions(data['inputs'], data['data_samples']):
        found = sample.gt_instances
        assert 0 < len(found) <= 100
        assert (found.scores[:-1] >= found.scores[1:]).all()
        assert (found.bboxes >= 0).all() and (found.bboxes <= SIDE).all()
        assert (found.bboxes[:, 2:] - found.bboxes[:, :2]).min() >= MIN_SIDE
        assert bbox_overlaps(found.bboxes, found.bboxes).fill_diagonal_(0).max() <= 0.5
        assert len(found.ids.unique()) == len(found)
        if name != 'faster_rcnn':
            some = sample.segments
            assert len(some.masks) == len(some.bboxes) == min(4, len(found))
            assert (some.bboxes[:, None] == found.bboxes).all(-1).any(1).all()
    model.min_score = 2.0
    assert not any(
        len(s.gt_instances) for s in model._own_regions(data['inputs'], data['data_samples'])
    )


@pytest.mark.parametrize('name', DETECTORS)
def test_every_weight_learns_from_them_and_the_finder_stays(name):
    model = finding(name)
    before = {key: value.clone() for key, value in model.finder.state_dict().items()}
    total(model(**view_batch(model))).backward()
    assert all(p.grad is not None for p in model.student.parameters() if p.requires_grad)
    model.update_teacher(0.5)
    assert all(value.equal(before[key]) for key, value in model.finder.state_dict().items())
    assert not any(p.requires_grad for p in model.finder.parameters())


def test_the_discovered_regions_no_longer_count():
    model = finding(weights=OFF | dict(regions=1.0, boxes=1.0, masks=1.0))
    losses = []
    for counts in (((6, 5), (4, 7)), ((9, 4), (5, 8))):
        torch.manual_seed(0)
        losses.append(float(total(model(**view_batch(model, counts)))))
    assert losses[0] == losses[1]


def test_no_own_region_is_no_error():
    model = finding()
    model.min_score = 2.0
    assert total(model(**view_batch(model))).isfinite()
