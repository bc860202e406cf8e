# Cascade Mask R-CNN with our encoder, 64 channels in neck and heads.
_base_ = [
    'mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py',
    '../_base_/lite0.py',
    '../_base_/small_data.py',
]
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

narrow = dict(in_channels=64, num_classes=len(_base_.classes))
model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, _delete_=True),
    neck=dict(in_channels=_base_.lite0_channels, out_channels=64),
    # half the usual anchors: _base_/mask_rcnn_tiny.py
    rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=[
            dict(head, fc_out_channels=256, **narrow) for head in _base_.model.roi_head.bbox_head
        ],
        mask_roi_extractor=dict(out_channels=64),
        mask_head=dict(conv_out_channels=64, **narrow),
    ),
    # 512 regions of a crop are nearly all background, and take most of the step's time
    train_cfg=dict(
        rcnn=[
            dict(stage, sampler=dict(stage.sampler, num=128))
            for stage in _base_.model.train_cfg.rcnn
        ]
    ),
)
