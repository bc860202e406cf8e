# RetinaNet with our encoder, 64 channels in neck and head.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    '../_base_/lite0.py',
    '../_base_/small_boxes.py',
]
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, _delete_=True),
    neck=dict(in_channels=_base_.lite0_channels, out_channels=64),
    bbox_head=dict(
        in_channels=64,
        feat_channels=64,
        num_classes=len(_base_.classes),
        # half the usual anchors, 16 to 256 px: _base_/mask_rcnn_tiny.py
        anchor_generator=dict(octave_base_scale=2),
    ),
)
