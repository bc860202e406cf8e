"""Each part of ours in mmdet's own detectors, mmdet's parts in ours: a step and a prediction."""

import copy
import pickle

import pytest
import torch
from mmdet.evaluation import DumpProposals
from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData

from .detectors import (
    CLASSES,
    GN,
    data_batch,
    encoder,
    neck,
    ocrnet_config,
    region_head,
    shrink,
    tiny,
)


def stock(name: str) -> ConfigDict:
    """mmdet's model config of that name, with the same narrow encoder that ours has but of mmdet's
    class.
    """
    text = f"_base_ = 'mmdet::_base_/models/{name}.py'"
    model = Config.fromstring(text, '.py').model
    model.backbone = dict(
        type='ResNet',
        depth=18,
        base_channels=16,
        stem_channels=16,
        norm_cfg=GN,
        norm_eval=False,
        style='pytorch',
    )
    model.neck.update(in_channels=[16, 32, 64, 128], out_channels=16)
    for head in ('rpn_head', 'bbox_head'):
        if head in model:
            model[head].update(in_channels=16, feat_channels=16)
    return shrink(model) if name in ('faster-rcnn_r50_fpn', 'mask-rcnn_r50_fpn') else model


def assert_trains_and_predicts(config: ConfigDict, with_mask: bool = False) -> None:
    model = tiny(config)
    loss, _ = model.parse_losses(model(**data_batch(model, with_mask=with_mask), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()
    unused = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused, unused  # DDP's find_unused_parameters stays False
    model.eval()
    batch = data_batch(model, training=False, with_mask=with_mask)
    with torch.no_grad():
        samples = model(**batch, mode='predict')
    for sample in samples:
        found = sample.pred_instances
        assert torch.isfinite(found.bboxes).all() and len(found) <= 100
        assert ('masks' in found) == with_mask


PARTS = dict(
    backbone=encoder(), neck=neck(num_outs=5), rpn_head=region_head(strides=(4, 8, 16, 32, 64))
)


@pytest.mark.parametrize('detector', ['faster-rcnn_r50_fpn', 'mask-rcnn_r50_fpn'])
@pytest.mark.parametrize('part', PARTS)
def test_each_part_alone_in_a_stock_two_stage_detector(detector, part):
    model = stock(detector)
    model[part] = PARTS[part]
    assert_trains_and_predicts(model, with_mask=detector.startswith('mask'))


@pytest.mark.parametrize('detector', ['faster-rcnn_r50_fpn', 'mask-rcnn_r50_fpn'])
def test_the_roi_head_alone_on_stock_backbone_fpn_and_rpn(detector):
    with_mask = detector.startswith('mask')
    model = stock(detector)
    model.roi_head = ocrnet_config().roi_head
    if not with_mask:
        model.roi_head.mask_head = None
    assert_trains_and_predicts(model, with_mask)


@pytest.mark.parametrize('detector', ['retinanet_r50_fpn', 'fcos'])
def test_encoder_and_neck_in_one_stage_detectors(detector):
    if detector == 'fcos':
        text = "_base_ = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'"
        model = Config.fromstring(text, '.py').model
        model.bbox_head.update(in_channels=16, feat_channels=32)
    else:
        model = stock(detector)
    model.backbone = encoder()
    model.neck = neck(num_outs=5, start_level=1, add_extra_convs='on_output')
    model.bbox_head.update(num_classes=CLASSES, stacked_convs=1)
    assert_trains_and_predicts(model)


def test_encoder_neck_region_head_and_extractor_in_cascade_rcnn():
    model = stock('cascade-mask-rcnn_r50_fpn')
    model.backbone, model.neck, model.rpn_head = encoder(), neck(), region_head()
    model.roi_head.bbox_roi_extractor = dict(type='OCRNetRoIExtractor', out_channels=16)
    model.roi_head.mask_roi_extractor = dict(
        type='OCRNetRoIExtractor', out_channels=16, roi_size=14
    )
    for head in model.roi_head.bbox_head:
        head.update(in_channels=16, fc_out_channels=32, num_classes=CLASSES)
    model.roi_head.mask_head.update(in_channels=16, conv_out_channels=16, num_classes=CLASSES)
    assert_trains_and_predicts(model, with_mask=True)


def test_our_parts_in_mmdets_two_stage_detectors():
    assert_trains_and_predicts(ocrnet_config(), with_mask=True)
    for kind in ('MaskRCNN', 'FasterRCNN'):
        model = ocrnet_config()
        model.type = kind
        del model['scope']
        if kind == 'FasterRCNN':
            model.roi_head.mask_head = None
        assert_trains_and_predicts(model, with_mask=kind == 'MaskRCNN')


def test_dumped_regions_feed_a_stock_fast_rcnn(tmp_path):
    ours = ocrnet_config()
    rpn = MODELS.build(
        dict(
            type='RPN',
            backbone=ours.backbone,
            neck=ours.neck,
            rpn_head=ours.rpn_head,
            train_cfg=ours.train_cfg,
            test_cfg=ours.test_cfg,
            data_preprocessor=ours.data_preprocessor,
        )
    ).eval()
    batch = data_batch(rpn, training=False)
    for sample, name in zip(batch['data_samples'], 'ab'):
        sample.set_metainfo(dict(img_path=f'{name}.jpg'))
    with torch.no_grad():
        samples = rpn(**batch, mode='predict')
    dump = DumpProposals(output_dir=str(tmp_path), proposals_file='regions.pkl')
    dump.process({}, [s.to_dict() for s in samples])
    dump.evaluate(2)
    regions = pickle.loads((tmp_path / 'regions.pkl').read_bytes())

    fast = stock('faster-rcnn_r50_fpn')
    fast.type = 'FastRCNN'
    del (
        fast['rpn_head'],
        fast.train_cfg['rpn'],
        fast.test_cfg['rpn'],
        fast.train_cfg['rpn_proposal'],
    )
    model = tiny(fast)
    batch = data_batch(model, with_mask=False)
    for sample, name in zip(batch['data_samples'], 'ab'):
        sample.proposals = InstanceData(bboxes=torch.as_tensor(regions[f'{name}.jpg'].bboxes))
        assert len(sample.proposals) > 0
    losses = model(**copy.deepcopy(batch), mode='loss')
    assert all(torch.isfinite(v).all() for k, v in losses.items() if 'loss' in k)
