# FCOS with our encoder, in the form that mmdet's
# fcos_r50-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco.py has.
_base_ = './retinanet.py'

model = dict(
    type='FCOS',
    neck=dict(add_extra_convs='on_output', relu_before_extra_convs=True),
    bbox_head=dict(
        _delete_=True,
        type='FCOSHead',
        num_classes=len(_base_.classes),
        in_channels=64,
        feat_channels=64,
        strides=[8, 16, 32, 64, 128],
        # half the usual: an object of 32 px has its own level, as RetinaNet's anchors here
        regress_ranges=((-1, 32), (32, 64), (64, 128), (128, 256), (256, 1e8)),
        norm_cfg=dict(type='GN', num_groups=8, requires_grad=True),  # 32 groups of 256 channels
        center_sampling=True,
        norm_on_bbox=True,
        centerness_on_reg=True,
        loss_bbox=dict(type='GIoULoss', loss_weight=1.0),
    ),
    train_cfg=None,
    test_cfg=dict(nms=dict(type='nms', iou_threshold=0.6)),
)
