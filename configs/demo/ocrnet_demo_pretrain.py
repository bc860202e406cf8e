# Pretraining without labels of the demo's net, on the demo set's 600 unlabelled pictures.
_base_ = ['../_base_/ocrnet_tiny.py', '../_base_/pretrain.py']

data_root = '{{$OCRNET_DATA_ROOT:data/demo}}/'
work_dir = 'work_dirs/demo/pretraining'

# Half as many regions and segments as by default, for time.
model = dict(_base_.pretrainer, _delete_=True, detector=_base_.model, regions_per_view=8)
train_pipeline = [
    _base_.load,
    dict(_base_.discover, cache_dir='work_dirs/demo/regions'),
    # Objects at 0.8 to 1.3 times their size, fine-tuning shows them at 0.7 to 1.4 times.
    dict(_base_.views, size=128, area=(0.4, 1.0), segments=2),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,  # a worker beside two computing threads slows two cores down
    persistent_workers=False,
    dataset=dict(
        data_root=data_root,
        data_prefix=dict(img='unlabelled/'),
        pipeline=train_pipeline,
        bad_files='work_dirs/demo/bad_pictures.txt',
    ),
)

max_iters = 240  # 3 epochs
train_cfg = dict(max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=40),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=40,
        end=max_iters,
        T_max=max_iters - 40,
        eta_min=0,
    ),
]
auto_scale_lr = dict(base_batch_size=8)
