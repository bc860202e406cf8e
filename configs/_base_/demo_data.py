# A few labelled pictures of the generated demo set: 160 px, 5 classes, 300 steps.
_base_ = './small_data.py'

data_root = '{{$OCRNET_DATA_ROOT:data/demo}}/'
classes = ('star', 'ring', 'cross', 'leaf', 'crescent')

size = (160, 160)
train_pipeline = [
    _base_.load,
    _base_.labels,
    _base_.check_frame,
    _base_.seed_draw,
    dict(_base_.zoom, scale=size),
    dict(_base_.crop, crop_size=size),
    _base_.no_slivers,
    _base_.flip,
    _base_.pack,
]
test_pipeline = [
    _base_.load,
    _base_.check_frame,
    dict(_base_.resize, scale=size),
    _base_.labels,
    _base_.pack_test,
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
