# RTMDet with our encoder in the place of CSPNeXt, 64 channels in neck and head.
_base_ = ['../_base_/lite0.py', '../_base_/small_boxes.py']
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

norm_cfg = dict(type='BN')  # SyncBN needs a GPU
act_cfg = dict(type='SiLU', inplace=True)
model = dict(
    type='RTMDet',
    data_preprocessor=_base_.lite0_pixels,
    backbone=dict(_base_.lite0, out_indices=(1, 2, 3)),
    neck=dict(
        type='CSPNeXtPAFPN',
        in_channels=_base_.lite0_channels[1:],
        out_channels=64,
        num_csp_blocks=1,
        expand_ratio=0.5,
        norm_cfg=norm_cfg,
        act_cfg=act_cfg,
    ),
    bbox_head=dict(
        type='RTMDetSepBNHead',
        num_classes=len(_base_.classes),
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        share_conv=True,
        with_objectness=False,
        pred_kernel_size=1,
        # The strides stay: the assigner weighs distance in strides against IoU.
        anchor_generator=dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32]),
        bbox_coder=dict(type='DistancePointBBoxCoder'),
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True, beta=2.0, loss_weight=1.0),
        loss_bbox=dict(type='GIoULoss', loss_weight=2.0),
        norm_cfg=norm_cfg,
        act_cfg=act_cfg,
    ),
    train_cfg=dict(
        assigner=dict(type='DynamicSoftLabelAssigner', topk=13),
        allowed_border=-1,
        pos_weight=-1,
        debug=False,
    ),
    test_cfg=dict(
        nms_pre=30000,
        min_bbox_size=0,
        score_thr=0.001,
        nms=dict(type='nms', iou_threshold=0.65),
        max_per_img=300,
    ),
)
