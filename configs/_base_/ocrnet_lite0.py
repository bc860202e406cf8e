# EfficientNet-Lite0 from ImageNet weights before the tiny net's heads: 4.4 M parameters in all.
_base_ = ['./ocrnet_tiny.py', './lite0.py']

model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, _delete_=True),
    neck=dict(in_channels=_base_.lite0_channels),
)
