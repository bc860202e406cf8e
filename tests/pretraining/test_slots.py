import pytest
import torch
from mmdet.models.detectors import FasterRCNN
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.task_modules.assigners import MaxIoUAssigner
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining import slot_checks
from ocrnet_mmdet.pretraining.slots import class_agnostic

from ..detectors import ocrnet_config
from .runs import VECTORS
from .test_pretrainer import OFF, pretrainer, stock_config


@pytest.mark.parametrize('kind', ['MaxIoUAssigner', 'mmdet.MaxIoUAssigner', MaxIoUAssigner])
def test_a_stock_head_leaves_areas_alone_not_regions_in_them(kind):
    """A region, its own anchor, one on bare ground in the same ignored area, one outside of it."""
    config = stock_config(True)
    config.train_cfg.rpn.assigner.type = kind
    assigner = TASK_UTILS.build(class_agnostic(config).train_cfg.rpn.assigner)
    region, area = torch.tensor([[10.0, 10, 26, 26]]), torch.tensor([[0.0, 0, 64, 64]])
    anchors = torch.cat([region, torch.tensor([[40.0, 40, 56, 56], [80.0, 80, 96, 96]])])
    given = [
        InstanceData(priors=anchors),
        InstanceData(bboxes=region, labels=torch.zeros(1, dtype=torch.long)),
    ]
    assert assigner.assign(*given).gt_inds.tolist() == [1, 0, 0]
    assert assigner.assign(*given, InstanceData(bboxes=area)).gt_inds.tolist() == [1, -1, 0]
    assert assigner.assign(*given, InstanceData(bboxes=area[:0])).gt_inds.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    'assigner, times',
    [
        (dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3), 0),
        (dict(type='ATSSAssigner', topk=9), 1),
    ],
    ids=('max_iou', 'atss'),
)
def test_a_region_head_that_leaves_no_area_alone_is_named(assigner, times, monkeypatch):
    said = []
    monkeypatch.setattr(slot_checks, 'print_log', lambda line, **_: said.append(line))
    config = stock_config(True)
    config.train_cfg.rpn.assigner = assigner
    pretrainer(config)
    pretrainer(config, weights=dict(regions=0.0))  # nobody asks it about candidates
    pretrainer(ocrnet_config())
    assert len(said) == times and all('(RPNHead) leaves no area alone' in line for line in said)


def test_branches_become_class_agnostic_in_a_copy():
    config = stock_config(True)
    made = class_agnostic(config)
    assert made['roi_head']['bbox_head']['reg_class_agnostic']
    assert made['roi_head']['mask_head']['class_agnostic']
    assert not config.roi_head.bbox_head.reg_class_agnostic


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda c: c.pop('rpn_head'), 'no rpn_head'),
        (lambda c: c.pop('roi_head'), 'no roi_head'),
        (lambda c: c.roi_head.update(bbox_head=[c.roi_head.bbox_head] * 3), 'cascades'),
        (lambda c: c.pop('train_cfg'), 'no train_cfg.rpn_proposal'),
        (lambda c: c.train_cfg.pop('rpn_proposal'), 'no train_cfg.rpn_proposal'),
        (
            lambda c: c.roi_head.update(mask_iou_head=dict(type='MaskIoUHead')),
            'roi_head.mask_iou_head',
        ),
        (lambda c: c.roi_head.pop('mask_head'), 'weights.masks=0'),
    ],
)
def test_a_detector_without_a_slot_is_told_which(change, words):
    config = ocrnet_config()
    change(config)
    with pytest.raises(InputError, match=words):
        pretrainer(config)


class RepeatsItsPictures(FasterRCNN):
    def loss(self, batch_inputs, batch_data_samples):
        return super().loss(batch_inputs, batch_data_samples * 3)


def test_a_detector_with_training_steps_of_its_own_is_refused():
    config = stock_config(False)
    config['type'] = RepeatsItsPictures
    with pytest.raises(InputError, match='RepeatsItsPictures.* trains in another way'):
        pretrainer(config, weights=dict(masks=0.0))


class SortsTwice(BBoxHead):
    """As SABL's or CrowdDet's, with losses of its own."""


def test_a_box_head_with_losses_of_its_own_is_refused():
    config = stock_config(True)
    config.roi_head.bbox_head.type = SortsTwice
    for name in ('num_shared_fcs', 'fc_out_channels'):
        config.roi_head.bbox_head.pop(name, None)
    with pytest.raises(InputError, match='SortsTwice.* trains in another way than BBoxHead'):
        pretrainer(config)


class HeadsInARow(torch.nn.Module):
    def __init__(self, **kwargs) -> None:
        super().__init__()


def test_a_cascade_of_region_heads_is_refused():
    config = stock_config(True)
    config.rpn_head = dict(type=HeadsInARow)
    with pytest.raises(InputError, match='HeadsInARow.* cascades are not pretrained'):
        pretrainer(config)


@pytest.mark.parametrize('wrong', [dict(weights=dict(vector=1.0)), dict(frozen_parts=('head',))])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(InputError, match='the (terms|parts) are'):
        pretrainer(**wrong)


def test_a_part_that_the_detector_lacks_cannot_be_frozen():
    config = ocrnet_config()
    config.pop('neck')
    with pytest.raises(InputError, match='the parts are backbone, rpn_head, roi_head'):
        pretrainer(config, frozen_parts=('neck',))


@pytest.mark.parametrize(
    'given',
    [
        dict(weights=OFF | dict.fromkeys(VECTORS, 0.0)),
        dict(weights=OFF | dict(regions=1.0), frozen_parts=('backbone', 'neck', 'rpn_head')),
    ],
)
def test_nothing_to_learn_is_refused(given):
    with pytest.raises(InputError, match='nothing to learn'):
        pretrainer(**given)
