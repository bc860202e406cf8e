# YOLOX with our encoder in the place of CSPDarknet, neck and head as narrow as YOLOX-Nano's.
# Without mosaic and random batch sizes: the data are those of all detectors here.
_base_ = ['../_base_/lite0.py', '../_base_/small_boxes.py']
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

model = dict(
    type='YOLOX',
    data_preprocessor=_base_.lite0_pixels,
    backbone=dict(_base_.lite0, out_indices=(1, 2, 3)),
    # The strides 8 to 32 stay: SimOTA assigns by distance in strides, not by size.
    neck=dict(
        type='YOLOXPAFPN',
        in_channels=_base_.lite0_channels[1:],
        out_channels=64,
        num_csp_blocks=1,
    ),
    bbox_head=dict(
        type='YOLOXHead', num_classes=len(_base_.classes), in_channels=64, feat_channels=64
    ),
    train_cfg=dict(assigner=dict(type='SimOTAAssigner', center_radius=2.5)),
    test_cfg=dict(score_thr=0.01, nms=dict(type='nms', iou_threshold=0.65)),
)
