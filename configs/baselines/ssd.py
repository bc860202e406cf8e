# SSD with our encoder in the place of VGG: its maps of strides 8, 16 and 32, one more of 64.
_base_ = [
    'mmdet::_base_/models/ssd300.py',
    '../_base_/lite0.py',
    '../_base_/small_boxes.py',
]
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

channels = (*_base_.lite0_channels[1:], 128)
model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, out_indices=(1, 2, 3), _delete_=True),
    neck=dict(
        in_channels=channels[:3], out_channels=channels, level_strides=(2,), level_paddings=(1,)
    ),
    bbox_head=dict(
        in_channels=channels,
        num_classes=len(_base_.classes),
        anchor_generator=dict(
            _delete_=True,
            type='SSDAnchorGenerator',
            scale_major=False,
            strides=[8, 16, 32, 64],
            ratios=[[2], [2, 3], [2, 3], [2]],
            # pixels, RetinaNet's here; SSD300 has 21 to 261 of its 300
            min_sizes=[16, 32, 64, 128],
            max_sizes=[32, 64, 128, 256],
        ),
    ),
)
