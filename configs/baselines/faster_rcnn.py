# Faster R-CNN with our encoder, 64 channels in neck and heads.
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/lite0.py',
    '../_base_/small_boxes.py',
]
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, _delete_=True),
    neck=dict(in_channels=_base_.lite0_channels, out_channels=64),
    # half the usual anchors: _base_/mask_rcnn_tiny.py
    rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=256, num_classes=len(_base_.classes)),
    ),
    # 512 regions of a crop are nearly all background, and double the step's time
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
)
