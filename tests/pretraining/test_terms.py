import torch

from ocrnet_mmdet.pretraining import terms
from ocrnet_mmdet.pretraining.slots import captured_input

from ..detectors import view_batch, view_sample
from .test_pretrainer import OFF, pretrainer


def test_regions_are_matched_by_picture_and_id():
    model = pretrainer(weights=OFF | dict(vectors=1.0), jitter=(0.0, 0.0), hidden_context=0.0)
    model(**view_batch(model, counts=((3, 3), (2, 5))))
    # both ways; ids 2 to 4 have no partner
    assert len(model.record.vectors.target) == 2 * 3 + 2 * 2


def test_a_target_is_the_teachers_vector_of_the_exact_box(monkeypatch):
    model = pretrainer(weights=OFF | dict(vectors=1.0), hidden_context=0.0)
    data, boxes = view_batch(model, counts=((1, 1), (1, 1))), {}

    def spy(head, levels, rois, hidden):
        boxes[head is model.teacher.roi_head] = rois
        return forward(head, levels, rois, hidden)

    forward = terms.box_forward
    monkeypatch.setattr(terms, 'box_forward', spy)
    model(**data)
    exact = torch.cat([s.gt_instances.bboxes for s in data['data_samples']])
    assert boxes[True][:, 1:].equal(exact) and not boxes[False][:, 1:].equal(exact)
    with torch.no_grad(), captured_input(model.teacher.roi_head.bbox_head.fc_cls) as vectors:
        forward(
            model.teacher.roi_head, model.teacher.extract_feat(data['inputs']), boxes[True], 0.0
        )
    # views: a first, b first, a second, b second
    expected = model.teacher_projector(vectors[0])[[2, 3, 0, 1]]
    torch.testing.assert_close(model.record.vectors.target, expected)


def test_the_first_half_of_the_students_boxes_is_moved_less():
    reader = terms.RegionReader(16, (0.05, 0.4), 0.0)
    boxes = torch.tensor([[20.0, 20, 40, 40]]).repeat(400, 1)
    moved = (reader.jittered(boxes, dict(img_shape=(64, 64))) - boxes).abs().amax(1) / 20
    assert moved[:200].max() < 0.11 < 0.3 < moved[200:].max() and moved[:200].min() > 0


def test_only_the_students_neighbours_are_hidden(monkeypatch):
    model = pretrainer(hidden_context=0.5)
    shares = {}
    for name in ('student', 'teacher'):
        head = getattr(model, name).roi_head
        original = head._bbox_forward

        def spy(x, rois, context=None, name=name, original=original):
            shares[name] = context.float().mean()
            return original(x, rois, context)

        monkeypatch.setattr(head, '_bbox_forward', spy)
    model(**view_batch(model, counts=((16, 16),) * 4))
    assert shares['teacher'] == 1 and 0.3 < shares['student'] < 0.7


def test_leaving_them_alone_takes_their_penalty_away():
    model = pretrainer(weights=OFF | dict(regions=1.0), min_score=0.2)
    head = model.student.rpn_head
    head.quality.bias.data += 4  # all points say 'object' with 0.35
    data = view_batch(model, counts=((1, 1), (1, 1)))
    loss = float(model(**data)['loss_rpn_quality'])
    model.terms['regions'].min_score = 2.0
    assert loss < 0.9 * float(model(**data)['loss_rpn_quality'])


def test_samples_name_their_own_region():
    regions = view_sample(5, 0).gt_instances
    chosen = torch.tensor([3, 1])
    made = terms.samples_of(regions.bboxes[chosen] + 1, regions, chosen)
    assert made.pos_gt_bboxes.equal(regions.bboxes[chosen])
    assert made.pos_assigned_gt_inds.tolist() == [3, 1] and len(made.neg_priors) == 0
