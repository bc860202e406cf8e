# YOLOv3 with our encoder in the place of Darknet-53, mmdet's neck and head for MobileNetV2.
_base_ = ['../_base_/lite0.py', '../_base_/small_boxes.py']
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

channels = _base_.lite0_channels
cross_entropy = dict(type='CrossEntropyLoss', use_sigmoid=True, reduction='sum')
model = dict(
    type='YOLOV3',
    data_preprocessor=_base_.lite0_pixels,
    backbone=dict(_base_.lite0, out_indices=(1, 2, 3)),
    # Batch norm: a batch of four crops of 96 px has 36 positions at stride 32, 576 at stride 8.
    neck=dict(
        type='YOLOV3Neck', num_scales=3, in_channels=channels[:0:-1], out_channels=[96, 96, 96]
    ),
    bbox_head=dict(
        type='YOLOV3Head',
        num_classes=len(_base_.classes),
        in_channels=[96, 96, 96],
        out_channels=[96, 96, 96],
        # YOLOv3's own, not halved: they begin at 10 px, and 20 to 100 px lie at strides 8 and 16.
        anchor_generator=dict(
            type='YOLOAnchorGenerator',
            base_sizes=[
                [(116, 90), (156, 198), (373, 326)],
                [(30, 61), (62, 45), (59, 119)],
                [(10, 13), (16, 30), (33, 23)],
            ],
            strides=[32, 16, 8],
        ),
        bbox_coder=dict(type='YOLOBBoxCoder'),
        featmap_strides=[32, 16, 8],
        loss_cls=dict(cross_entropy, loss_weight=1.0),
        loss_conf=dict(cross_entropy, loss_weight=1.0),
        loss_xy=dict(cross_entropy, loss_weight=2.0),
        loss_wh=dict(type='MSELoss', reduction='sum', loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(type='GridAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0)
    ),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.05,
        conf_thr=0.005,
        nms=dict(type='nms', iou_threshold=0.45),
        max_per_img=100,
    ),
)
