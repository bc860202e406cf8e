# A few labelled pictures of the generated demo set: 160 px, 5 classes, 300 steps.
_base_ = './small_data.py'

data_root = '{{$OCRNET_DATA_ROOT:data/demo}}/'
classes = ('star', 'ring', 'cross', 'leaf', 'crescent')

size = (160, 160)
picture_backend = dict(backend='ocrnet_pictures')  # any kind of picture, as a person sees it
train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
    dict(type='OCRNetCheckFrame'),
    dict(type='OCRNetSeedDraw'),
    dict(type='RandomResize', scale=size, ratio_range=(0.7, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=size, allow_negative_crop=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(4, 4), keep_empty=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='OCRNetCheckFrame'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
# The JSON files name pictures from the root: train/000000.jpg.
dataset = dict(data_root=data_root, data_prefix=dict(img=''), metainfo=dict(classes=classes))
workers = dict(num_workers=0, persistent_workers=False)  # one slows two computing threads down
train_dataloader = dict(
    # The labelled pictures, of 400: few, as where a pretraining is wanted.
    dataset=dict(pipeline=train_pipeline, indices=40, **dataset),
    **workers,
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **dataset), **workers)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = val_evaluator

max_iters = 300  # 30 epochs
train_cfg = dict(max_iters=max_iters, val_interval=150)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=50,
        end=max_iters,
        T_max=max_iters - 50,
        eta_min=0,
    ),
]
default_hooks = dict(checkpoint=dict(interval=max_iters))
