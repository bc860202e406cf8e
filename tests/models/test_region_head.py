import pytest
import torch
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.models import OCRNetRegionHead

GN = dict(type='GN', num_groups=4, requires_grad=True)
META = [dict(img_shape=(64, 64))] * 2
TEST_CFG = ConfigDict(
    nms_pre=200, max_per_img=50, nms=dict(type='nms', iou_threshold=0.7), min_bbox_size=0
)


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = OCRNetRegionHead(8, 8, norm_cfg=GN, test_cfg=TEST_CFG)
    head.init_weights()
    return head


def levels():
    torch.manual_seed(1)
    return tuple(torch.randn(2, 8, 64 // s, 64 // s) for s in (4, 8, 16, 32))


def truth(boxes=((10.0, 12.0, 30.0, 40.0), (40.0, 40.0, 60.0, 50.0))):
    boxes = torch.tensor(boxes).reshape(-1, 4)
    return InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long))


def perfect(head, gt):
    """Outputs that put each point's box on the ground truth it answers for, quality 1 there."""
    points = head.prior_generator.grid_priors(
        [(64 // s, 64 // s) for s in head.strides], device='cpu'
    )
    owner = head._assign(points, gt, None)
    boxes = gt.bboxes[(owner - 1).clamp(min=0)]
    points = torch.cat(points)
    distances = torch.cat([points - boxes[:, :2], boxes[:, 2:] - points], 1)
    logits = torch.where(owner > 0, 9.0, -9.0)
    sizes = [64 // s for s in head.strides]
    counts = [s * s for s in sizes]
    return (
        [q.view(1, 1, s, s) for q, s in zip(logits.split(counts), sizes)],
        [d.t().reshape(1, 4, s, s) for d, s in zip(distances.split(counts), sizes)],
    )


def test_exact_boxes_of_quality_one_cost_nothing(head):
    gt = truth()
    qualities, distances = perfect(head, gt)
    losses = head.loss_by_feat(qualities, distances, [gt], META[:1])
    assert all(value < 1e-3 for value in losses.values())
    found = head.predict_by_feat(qualities, distances, batch_img_metas=META[:1], cfg=TEST_CFG)[0]
    best = found.bboxes[:2]
    torch.testing.assert_close(best[best[:, 0].argsort()], gt.bboxes)


def test_quality_target_is_the_iou_with_the_object(head):
    gt = truth([(8.0, 8.0, 40.0, 40.0)])
    qualities, distances = perfect(head, gt)
    distances = [d * 0.8 for d in distances]  # boxes shrink towards their points: IoU 0.64
    losses = {
        logit: head.loss_by_feat(
            [torch.where(q > 0, torch.logit(torch.tensor(logit)), q) for q in qualities],
            distances,
            [gt],
            META[:1],
        )['loss_rpn_quality']
        for logit in (0.4, 0.64, 0.9)
    }
    assert losses[0.64] < 1e-3 < min(losses[0.4], losses[0.9])


@pytest.mark.parametrize('iou_threshold', [0.1, 0.4, 0.9])
def test_stopping_early_keeps_what_all_candidates_give(head, iou_threshold, monkeypatch):
    cfg = ConfigDict(TEST_CFG, max_per_img=5, nms=dict(type='nms', iou_threshold=iou_threshold))
    outputs = head(levels())
    early = head.predict_by_feat(*outputs, batch_img_metas=META, cfg=cfg)
    monkeypatch.setattr(OCRNetRegionHead, '_bbox_post_process', BaseDenseHead._bbox_post_process)
    for found, expected in zip(
        early, head.predict_by_feat(*outputs, batch_img_metas=META, cfg=cfg)
    ):
        assert len(found) == len(expected) == 5
        assert torch.equal(found.bboxes, expected.bboxes) and torch.equal(
            found.scores, expected.scores
        )


def test_suppression_reads_no_more_candidates_than_it_must(head, monkeypatch):
    read = []
    usual = BaseDenseHead._bbox_post_process

    def counted(self, results, *args, **kwargs):
        read.append(len(results))
        return usual(self, results, *args, **kwargs)

    monkeypatch.setattr(BaseDenseHead, '_bbox_post_process', counted)
    cfg = ConfigDict(TEST_CFG, max_per_img=5, nms=dict(type='nms', iou_threshold=0.9))
    head.predict_by_feat(*head(levels()), batch_img_metas=META, cfg=cfg)
    assert read == [10, 10]


def test_both_outputs_are_those_of_their_own_convolutions(head):
    torch.nn.init.normal_(head.distances.weight, std=0.1)
    for level, quality, distance, stride in zip(levels(), *head(levels()), head.strides):
        level = head.tower(level)
        torch.testing.assert_close(quality, head.quality(level))
        torch.testing.assert_close(distance, head.distances(level).exp() * 2 * stride)


def test_candidates_do_not_depend_on_the_rest_of_the_batch(head):
    x = levels()
    both = head.predict_by_feat(*head(x), batch_img_metas=META, cfg=TEST_CFG)
    alone = head.predict_by_feat(
        *head(tuple(m[1:] for m in x)), batch_img_metas=META[:1], cfg=TEST_CFG
    )[0]
    torch.testing.assert_close(both[1].bboxes, alone.bboxes, atol=1e-4, rtol=1e-4)
    assert both[1].scores.diff().le(0).all()


def test_pictures_without_objects_cost_quality_alone(head):
    losses = head.loss_by_feat(*head(levels()), [truth([]), truth([])], META)
    assert losses['loss_rpn_bbox'] == 0 and losses['loss_rpn_quality'] > 0
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


def test_every_parameter_gets_a_gradient(head):
    losses = head.loss_by_feat(*head(levels()), [truth(), truth([(0.0, 0.0, 64.0, 64.0)])], META)
    sum(losses.values()).backward()
    names = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()]
    assert not [n for n in names if not n.startswith('scales')], names


def test_points_in_ignored_areas_are_not_background(head):
    gt, crowd = (
        truth([(0.0, 0.0, 8.0, 8.0)]),
        truth([(0.0, 8.0, 64.0, 64.0), (8.0, 0.0, 64.0, 8.0)]),
    )
    qualities = [torch.full_like(q, 3.0) for q in head(levels())[0]]  # sure of everything
    distances = head(levels())[1]
    with_crowd, without = [
        head.loss_by_feat(qualities, distances, [gt] * 2, META, ignore)['loss_rpn_quality']
        for ignore in ([crowd] * 2, None)
    ]
    assert with_crowd < 0.2 * without


def owners(head, gt, ignore):
    sizes = [level.shape[-2:] for level in levels()]
    return head._assign(head.prior_generator.grid_priors(sizes, device='cpu'), gt, ignore)


def test_an_ignored_area_over_an_object_takes_no_point_from_it(head):
    gt, over = truth([(8.0, 8.0, 40.0, 40.0)]), truth([(4.0, 4.0, 44.0, 44.0)])
    plain, ignoring = owners(head, gt, None), owners(head, gt, over)
    assert (plain > 0).sum() >= 3
    assert ignoring[plain > 0].equal(plain[plain > 0])
    assert (ignoring == -1).any()


def test_areas_are_ignored_where_there_is_no_object(head):
    assert (owners(head, truth([]), truth([(0.0, 0.0, 64.0, 64.0)])) == -1).float().mean() > 0.5


def test_maps_of_one_pixel_and_objects_of_one_pixel_stay_finite(head):
    x = tuple(torch.randn(1, 8, 1, 1) for _ in range(4))
    gt = truth([(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 4.0, 4.0)])
    losses = head.loss_by_feat(*head(x), [gt], [dict(img_shape=(4, 4))])
    assert all(torch.isfinite(v) for v in losses.values())


def test_weights_of_init_cfg_stay_as_they_are(head, tmp_path):
    torch.save(
        dict(state_dict={f'rpn_head.{key}': value for key, value in head.state_dict().items()}),
        tmp_path / 'a.pth',
    )
    again = OCRNetRegionHead(
        8,
        8,
        norm_cfg=GN,
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'), prefix='rpn_head.'),
    )
    again.init_weights()
    assert all(value.equal(again.state_dict()[key]) for key, value in head.state_dict().items())


def test_candidates_of_a_wide_picture_in_bfloat16(head):
    """mmdet gives the points the scores' type: of 1,022 px bfloat16 makes 1,024."""
    head.prior_generator = type(head.prior_generator)([4])
    head.strides = (4,)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        outputs = head((torch.randn(1, 8, 2, 256),))
        (found,) = head.predict_by_feat(
            *outputs,
            batch_img_metas=[dict(img_shape=(8, 1024))],
            cfg=TEST_CFG,
            rescale=False,
            with_nms=False,
        )
    (points,) = head.prior_generator.grid_priors([(2, 256)], device='cpu')
    left, _, right, _ = outputs[1][0].flatten(2)[0]
    exact = (points[:, 0] - left).clamp(0, 1024), (points[:, 0] + right).clamp(0, 1024)
    expected = torch.stack(exact, 1)
    boxes = found.bboxes[:, [0, 2]]
    assert all((expected - box).abs().amax(1).min() < 0.01 for box in boxes)


def test_another_number_of_levels_is_named(head):
    with pytest.raises(InputError, match='strides has 4 entries, the neck gives 3'):
        head(levels()[:3])
