import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.slot_checks import PARTS
from ocrnet_mmdet.pretraining.term_weights import TERMS

from ..detectors import ROOT, encoder, ocrnet_config, shrink, view_batch
from .runs import VECTORS

OFF = dict.fromkeys(TERMS, 0.0)


def stock_config(with_mask: bool) -> dict:
    """mmdet's Mask R-CNN with narrow parts."""
    model = Config.fromfile(ROOT / 'configs/benchmark/stock_tiny.py').model
    model.backbone = encoder()
    model.neck.update(in_channels=[16, 32, 64, 128], out_channels=16)
    model.rpn_head.update(in_channels=16, feat_channels=16)
    model = shrink(model)
    if not with_mask:
        model.roi_head.mask_head = model.roi_head.mask_roi_extractor = None
    return model


def pretrainer(detector: dict | None = None, **kwargs) -> torch.nn.Module:
    torch.manual_seed(0)
    kwargs.setdefault('vector_size', 16)
    kwargs['weights'] = VECTORS | kwargs.get('weights', {})
    model = MODELS.build(
        dict(type='OCRNetPretrainer', detector=detector or ocrnet_config(), **kwargs)
    )
    model.init_weights()
    return model.train()


def total(losses: dict) -> torch.Tensor:
    return sum(sum(value) if isinstance(value, list) else value for value in losses.values())


DETECTORS = dict(
    ocrnet=lambda: ocrnet_config(),
    mask_rcnn=lambda: stock_config(True),
    faster_rcnn=lambda: stock_config(False),
)


@pytest.mark.parametrize('name', DETECTORS)
def test_the_student_learns_but_for_its_classifier(name):
    detector = DETECTORS[name]()
    masks = dict(masks=0.0) if name == 'faster_rcnn' else {}
    model = pretrainer(detector, weights=masks)
    model.terms['vectors'].sigma_share = 1.0
    total(model(**view_batch(model))).backward()
    silent = {key for key, p in model.named_parameters() if p.grad is None}
    expected = {key for key, p in model.named_parameters() if not p.requires_grad}
    assert silent == expected
    assert {k for k in expected if k.startswith('student')} == {
        'student.roi_head.bbox_head.fc_cls.weight',
        'student.roi_head.bbox_head.fc_cls.bias',
    }
    for part in PARTS:
        assert any(
            p.grad.any() for p in getattr(model.student, part).parameters() if p.requires_grad
        )
    assert {k for k, _ in model.teacher.named_parameters()} == {
        k.removeprefix('teacher.') for k in expected if k.startswith('teacher.')
    }


def double_head_config() -> dict:
    """A box head with a layer of its own in front of its classifier, as mmdet's double-head configs
    have.
    """
    detector = stock_config(True)
    detector.roi_head.bbox_head.update(
        type='ConvFCBBoxHead', num_shared_fcs=1, num_cls_fcs=1, num_reg_fcs=1
    )
    return detector


def test_the_classifiers_loss_is_not_asked():
    """SeesawLoss counts classes in a buffer that would be handed over."""
    detector = stock_config(True)
    detector.roi_head.bbox_head.loss_cls = dict(type='SeesawLoss', num_classes=3)
    detector.roi_head.bbox_head.num_classes = 3
    model = pretrainer(detector)
    total(model(**view_batch(model)))
    assert not model.student.roi_head.bbox_head.loss_cls.cum_samples.any()


@pytest.mark.parametrize('terms', [('regions', 'boxes', 'masks'), ('vectors',)], ids='+'.join)
def test_a_box_branch_that_no_term_reads_is_not_waited_for(terms):
    model = pretrainer(double_head_config(), weights=OFF | dict.fromkeys(terms, 1.0))
    total(model(**view_batch(model))).backward()
    assert not [key for key, p in model.named_parameters() if p.requires_grad and p.grad is None]


def test_views_are_not_padded_as_whole_pictures_are():
    detector = ocrnet_config()
    detector.data_preprocessor.batch_augments = [
        dict(type='BatchFixedSizePad', size=(96, 96), pad_mask=True)
    ]
    model = pretrainer(detector)
    assert view_batch(model)['inputs'].shape[-2:] == (64, 64)


TERM_SETS = [
    ('regions',),
    ('boxes',),
    ('masks',),
    ('vectors',),
    ('regions', 'boxes'),
    ('vectors', 'masks'),
    ('regions', 'boxes', 'masks'),
]


@pytest.mark.parametrize('terms', TERM_SETS, ids='+'.join)
def test_a_weight_that_may_have_a_gradient_gets_one(terms):
    model = pretrainer(weights=OFF | dict.fromkeys(terms, 1.0))
    if 'vectors' in terms:
        model.terms['vectors'].sigma_share = 1.0
    total(model(**view_batch(model))).backward()
    assert not [key for key, p in model.named_parameters() if p.requires_grad and p.grad is None]


def test_a_frozen_part_keeps_its_norm_statistics():
    detector = ocrnet_config()
    detector.backbone.norm_cfg = dict(type='BN')
    model = pretrainer(detector, frozen_parts=('backbone',), weights=OFF | dict(regions=1.0))
    before = {key: value.clone() for key, value in model.student.backbone.named_buffers()}
    model(**view_batch(model))
    assert before and all(
        value.equal(before[key]) for key, value in model.student.backbone.named_buffers()
    )


def test_the_vector_loss_s_form_is_an_option():
    cfg = Config.fromfile(ROOT / 'configs/benchmark/ocrnet_tiny_pretrain.py')
    cfg.merge_from_dict({'model.region_loss.form': 'literal'})
    with pytest.raises(InputError, match='which is off.*weights.vectors=0.1'):
        MODELS.build(cfg.model)
    cfg.merge_from_dict({'model.weights.vectors': 0.1})
    assert MODELS.build(cfg.model).region_loss.form == 'literal'


@pytest.mark.parametrize(
    'term, names',
    [
        ('vectors', {'loss_vectors', 'loss_variance', 'loss_covariance'}),
        ('variance', {'loss_vectors', 'loss_variance', 'loss_covariance'}),
        ('regions', {'loss_rpn_quality', 'loss_rpn_bbox'}),
        ('boxes', {'loss_boxes'}),
        ('masks', {'loss_masks'}),
    ],
)
def test_each_term_works_by_itself(term, names):
    model = pretrainer(weights=OFF | {term: 1.0})
    losses = model(**view_batch(model))
    assert set(losses) == names
    assert total(losses) > 0 and total(losses).requires_grad
    on = {f'loss_{term}'} if f'loss_{term}' in names else names
    assert {key for key, value in losses.items() if total({key: value})} == on


def test_by_default_the_teacher_is_not_run():
    model = pretrainer(weights=TERMS)
    assert 'vectors' not in model.terms
    model.teacher.backbone.forward = None
    assert total(model(**view_batch(model))) > 0


def test_a_weight_scales_its_term():
    one, two = (pretrainer(weights=dict.fromkeys(TERMS, w)) for w in (1.0, 2.0))
    torch.manual_seed(3)
    a = one(**view_batch(one))
    torch.manual_seed(3)
    b = two(**view_batch(two))
    assert len(a) == 7
    for name, value in a.items():
        assert total({name: value}) > 0, name
        torch.testing.assert_close(
            b[name], 2 * value if torch.is_tensor(value) else [2 * v for v in value]
        )


def test_views_without_regions_reach_every_weight():
    model = pretrainer()
    losses = model(**view_batch(model, counts=((0, 0), (0, 0))))
    total(losses).backward()
    assert torch.isfinite(total(losses))
    assert not [
        key for key, p in model.student.named_parameters() if p.requires_grad and p.grad is None
    ]


def test_the_teacher_is_the_moving_average_of_the_student():
    detector = ocrnet_config()
    detector.backbone.norm_cfg = dict(type='BN')
    model = pretrainer(detector)
    pairs = ((model.student, model.teacher), (model.projector, model.teacher_projector))
    before = [
        {
            key: value.clone()
            for key, value in (*teacher.named_parameters(), *teacher.named_buffers())
        }
        for _, teacher in pairs
    ]
    for student, _ in pairs:
        for value in (*student.parameters(), *student.buffers()):
            value.data += 1
    model.update_teacher(0.9)
    for (_, teacher), old in zip(pairs, before):
        for key, value in teacher.named_parameters():
            torch.testing.assert_close(value.data, old[key] + 0.1, msg=key)
        for key, value in teacher.named_buffers():
            torch.testing.assert_close(value, old[key] + 1, msg=key)
    assert not model.teacher.training


def test_the_teacher_starts_as_the_student():
    model = pretrainer()
    for key, value in model.student.state_dict().items():
        assert value.equal(model.teacher.state_dict()[key]), key


def test_frozen_parts_take_no_gradient():
    model = pretrainer(frozen_parts=('backbone', 'neck'))
    total(model(**view_batch(model))).backward()
    for part in PARTS:
        grads = [p.grad for p in getattr(model.student, part).parameters()]
        assert all(g is None for g in grads) == (part in ('backbone', 'neck'))


def test_predicting_is_refused():
    model = pretrainer()
    with pytest.raises(InputError, match='only trains'):
        model(**view_batch(model), mode='predict')
