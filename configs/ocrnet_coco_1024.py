# The article's worked example: 1024 x 1024 pictures, the plain 8-layer CNN, 4 levels, 3 aggregator
# layers. Nothing of it is pretrained, so every norm layer learns; 8 GPUs x 2 pictures.
_base_ = './ocrnet_coco.py'

size = (1024, 1024)
norm_cfg = dict(type='GN', num_groups=32, requires_grad=True)

model = dict(
    data_preprocessor=dict(
        batch_augments=[dict(type='BatchFixedSizePad', size=size, pad_mask=True)]
    ),
    backbone=dict(
        arch='conv8', frozen_stages=-1, norm_eval=False, norm_cfg=norm_cfg, init_cfg=None
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
)

picture_backend = dict(backend='ocrnet_pictures')  # any kind of picture, as a person sees it
train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
    dict(type='OCRNetCheckFrame'),
    dict(type='RandomResize', scale=size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=size, allow_negative_crop=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(4, 4), keep_empty=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='OCRNetCheckFrame'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
