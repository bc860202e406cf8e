# Mask R-CNN with our encoder: the stock arm of the benchmarks from ImageNet weights.
_base_ = ['../_base_/mask_rcnn_tiny.py', '../_base_/lite0.py', '../_base_/small_data.py']

model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, _delete_=True),
    neck=dict(in_channels=_base_.lite0_channels),
    roi_head=dict(
        bbox_head=dict(num_classes=len(_base_.classes)),
        mask_head=dict(num_classes=len(_base_.classes)),
    ),
    # 512 regions of a crop are nearly all background, and double the step's time
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
)
