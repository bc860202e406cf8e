# The detector: ResNet-50, 4 levels of 256 channels, 3 aggregator layers.
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

norm_cfg = dict(type='GN', num_groups=32, requires_grad=True)
num_classes = 80

model = dict(
    type='OCRNetDetector',
    scope='all',  # or 'aggregator': encoder and region generator frozen
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='OCRNetEncoder',
        arch='resnet50',
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth',
        ),
    ),
    neck=dict(
        type='OCRNetRegionGenerator',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        norm_cfg=norm_cfg,
        with_cp=True,
    ),
    rpn_head=dict(
        type='OCRNetRegionHead', in_channels=256, feat_channels=128, norm_cfg=norm_cfg, with_cp=True
    ),
    roi_head=dict(
        type='OCRNetRoIHead',
        bbox_roi_extractor=dict(type='OCRNetRoIExtractor', out_channels=256),
        aggregator=dict(num_layers=3, num_heads=8),
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=256,
            fc_out_channels=512,
            roi_feat_size=7,
            num_classes=num_classes,
            reg_class_agnostic=True,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder',
                target_means=[0.0, 0.0, 0.0, 0.0],
                target_stds=[0.1, 0.1, 0.2, 0.2],
            ),
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            # beta 1/9: on bccd AP75 was 27.3, with mmdet's 1.0 it was 22.1 (300 steps, one seed).
            # The article's loss is dict(type='MSELoss'); for GIoULoss set reg_decoded_bbox=True
            # too.
            loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9, loss_weight=1.0),
        ),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=2,
            in_channels=256,
            conv_out_channels=128,
            num_classes=num_classes,
            class_agnostic=True,
            norm_cfg=norm_cfg,
            loss_mask=dict(type='CrossEntropyLoss', use_mask=True, loss_weight=1.0),
        ),
    ),
    train_cfg=dict(
        rpn=dict(),
        # Ranked by localisation, 300 candidates hold what 1,000 of a stock RPN do.
        rpn_proposal=dict(
            nms_pre=500, max_per_img=300, nms=dict(type='nms', iou_threshold=0.7), min_bbox_size=0
        ),
        rcnn=dict(
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=0.5,
                neg_iou_thr=0.5,
                min_pos_iou=0.5,
                match_low_quality=True,
                ignore_iof_thr=-1,
            ),
            sampler=dict(
                type='OCRNetJitterSampler',
                num=128,
                pos_fraction=0.25,
                neg_pos_ub=-1,
                add_gt_as_proposals=True,
            ),
            mask_size=28,
            pos_weight=-1,
            debug=False,
        ),
    ),
    test_cfg=dict(
        rpn=dict(
            nms_pre=1000, max_per_img=300, nms=dict(type='nms', iou_threshold=0.7), min_bbox_size=0
        ),
        rcnn=dict(
            score_thr=0.05,
            # Held-out box AP +0.8 to +1.6 from pretrained weights, -1.6 to +0.3 from random ones.
            quality_weight=0.25,
            nms=dict(type='nms', iou_threshold=0.5),
            max_per_img=100,
            mask_thr_binary=0.5,
        ),
    ),
)
