# Data and schedule for own data of fewer than 1,000 pictures, counted in iterations because an
# epoch is short.
_base_ = './runtime.py'

# What tools/start.py writes for own data takes the place of all of these.
data_root = 'data/mine/'
classes = ('object',)
train_ann = 'annotations/train.json'
val_ann = 'annotations/val.json'
img_dir = 'images/'
with_mask = True

image_scale = (512, 512)  # longest sides at test time; training varies it by ratio_range
crop_size = (384, 384)
batch_size = 4
max_iters = 4000

# The steps by name: a config that inherits changes what it names, dict(_base_.crop, crop_size=...).
load = dict(
    type='LoadImageFromFile',
    backend_args=dict(backend='ocrnet_pictures'),  # any kind of picture, as a person sees it
)
# Polygons: exact under resizing (mmdet's bitmaps shift by up to a pixel) and 5 times as fast on
# nuclei.
labels = dict(type='LoadAnnotations', with_bbox=True, with_mask=with_mask, poly2mask=False)
check_frame = dict(type='OCRNetCheckFrame')
seed_draw = dict(type='OCRNetSeedDraw')  # before the first step that draws
zoom = dict(type='RandomResize', scale=image_scale, ratio_range=(0.7, 1.4), keep_ratio=True)
crop = dict(type='RandomCrop', crop_size=crop_size, allow_negative_crop=True)
# What the crop leaves of an object at its edge: trained on, slivers are found along every edge.
no_slivers = dict(type='FilterAnnotations', min_gt_bbox_wh=(4, 4), keep_empty=False)
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackDetInputs')
resize = dict(type='Resize', scale=image_scale, keep_ratio=True)
pack_test = dict(
    type='PackDetInputs',
    meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
)
train_pipeline = [
    load,
    labels,
    check_frame,
    seed_draw,
    zoom,
    crop,
    no_slivers,
    flip,
    pack,
]
test_pipeline = [load, check_frame, resize, labels, pack_test]
dataset = dict(
    type='CocoDataset',
    data_root=data_root,
    data_prefix=dict(img=img_dir),
    metainfo=dict(classes=classes),
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='OCRNetDrawSampler'),
    # Pictures without objects stay: they are what a detector must learn to keep silent on.
    dataset=dict(
        ann_file=train_ann,
        pipeline=train_pipeline,
        filter_cfg=dict(filter_empty_gt=False),
        **dataset,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(ann_file=val_ann, pipeline=test_pipeline, test_mode=True, **dataset),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='CocoMetric',
    ann_file=data_root + val_ann,
    metric=['bbox', 'segm'] if with_mask else ['bbox'],
    classwise=True,
)
test_evaluator = val_evaluator

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters // 10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.02),
    clip_grad=dict(max_norm=5.0),
    # Any non-empty paramwise_cfg leaves frozen parameters out of the optimiser.
    paramwise_cfg=dict(bypass_duplicate=True),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=100,
        end=max_iters,
        T_max=max_iters - 100,
        eta_min=0,
    ),
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=max_iters // 10, save_best='coco/bbox_mAP')
)
randomness = dict(seed=0)  # a resumed run draws what it would have drawn
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(enable=False, base_batch_size=4)
