# OCRNet with ResNet-50 on COCO 2017 with the 1x schedule. The learning rate is for 8 GPUs x 2
# pictures: with another number of them train with --auto-scale-lr.
_base_ = [
    './_base_/ocrnet_r50.py',
    'mmdet::_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    './_base_/runtime.py',
]

data_root = '{{$OCRNET_DATA_ROOT:data/coco}}/'  # holds annotations/, train2017/ and val2017/

picture_backend = dict(backend='ocrnet_pictures')  # any kind of picture, as a person sees it
train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
    dict(type='OCRNetCheckFrame'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='OCRNetCheckFrame'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader

# The GN layers and the aggregator train from scratch beside published encoder weights: clip their
# first gradients.
optim_wrapper = dict(clip_grad=dict(max_norm=35), paramwise_cfg=dict(bypass_duplicate=True))
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val2017.json', classwise=True)
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=1, save_best='coco/bbox_mAP'))
auto_scale_lr = dict(enable=False, base_batch_size=16)
