# Data and schedule of a pretraining without labels; the model is the config's own.
_base_ = 'mmdet::_base_/default_runtime.py'

# Any folder tree of pictures; --cfg-options data_root=DIR of tools/train.py lies in that variable.
data_root = '{{$OCRNET_DATA_ROOT:data/pictures}}/'

view_size = 224
batch_size = 32  # pictures a process; each is seen in two views
max_iters = 20000

picture_backend = dict(backend='ocrnet_pictures')  # any kind of picture, as a person sees it
train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=picture_backend),
    dict(type='OCRNetDiscoverRegions', cache_dir='work_dirs/regions'),
    dict(type='OCRNetTwoViews', size=view_size)]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='OCRNetVariationSampler'),
    dataset=dict(
        type='OCRNetImageFolder', data_root=data_root, pipeline=train_pipeline,
        bad_files='work_dirs/bad_pictures.txt'))

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='OCRNetOptimConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    clip_grad=dict(max_norm=3.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=max_iters // 12),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=max_iters // 12, end=max_iters,
         T_max=max_iters - max_iters // 12, eta_min=0)]
default_hooks = dict(
    checkpoint=dict(type='OCRNetCheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2))
custom_hooks = [
    dict(type='OCRNetPretrainHook'),
    dict(type='OCRNetFiniteLossHook')]
randomness = dict(seed=0)  # a resumed run draws what it would have drawn
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(enable=False, base_batch_size=32)
