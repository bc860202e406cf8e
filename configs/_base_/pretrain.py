# Recipe, data and schedule of a pretraining without labels. A config that inherits adds its
# detector:
#   model = dict(_base_.pretrainer, _delete_=True, detector=_base_.model)
# Of the transforms and hooks it changes what it names: dict(_base_.views, segments=1) in a pipeline
# of its own, default_hooks = dict(schedule=dict(own_from=0.5)).
_base_ = 'mmdet::_base_/default_runtime.py'

# Any folder tree of pictures; --cfg-options data_root=DIR of tools/train.py lies in that variable.
data_root = '{{$OCRNET_DATA_ROOT:data/pictures}}/'

view_size = 224
batch_size = 32  # pictures a process; each is seen in two views
max_iters = 20000

# Of the loss terms; why vectors, variance and covariance are off, and boxes and masks so light:
# docs/pretraining.md.
pretrainer = dict(
    type='OCRNetPretrainer',
    weights=dict(vectors=0.0, variance=0.0, covariance=0.0, regions=1.0, boxes=0.1, masks=0.1),
    # Of the vectors' term.
    region_loss=dict(type='OCRNetRegionLoss', form='beta_nll', beta=0.5, max_log_variance=3.0),
    regions_per_view=16,  # that the boxes' and the vectors' term read
    # Of the boxes that the student sees, in their sides; for half of a view's each.
    jitter=(0.1, 0.25),
    hidden_context=0.4,  # share of the regions that the others' attention does not see
    vector_size=128,
    min_score=0.5,  # of a proposal that is believed
    frozen_parts=(),
)

picture_backend = dict(backend='ocrnet_pictures')  # any kind of picture, as a person sees it
load = dict(type='LoadImageFromFile', backend_args=picture_backend)
discover = dict(
    type='OCRNetDiscoverRegions',
    cache_dir='work_dirs/regions',
    max_regions=100,
    # Longest side of the picture in which regions are discovered.
    size=128,
)
views = dict(
    type='OCRNetTwoViews',
    size=view_size,
    area=(0.5, 1.0),  # of the picture, that a view shows
    segments=4,  # of a view, that the masks' term reads
    solarise=(0.0, 0.2),  # BYOL's probabilities in the two views
)
train_pipeline = [load, discover, views]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='OCRNetVariationSampler'),
    dataset=dict(
        type='OCRNetImageFolder',
        data_root=data_root,
        pipeline=train_pipeline,
        bad_files='work_dirs/bad_pictures.txt',
        seed=None,  # the run's, randomness.seed
    ),
)

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='OCRNetOptimConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    clip_grad=dict(max_norm=3.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=max_iters // 12),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=max_iters // 12,
        end=max_iters,
        T_max=max_iters - max_iters // 12,
        eta_min=0,
    ),
]
default_hooks = dict(
    pretrain_check=dict(type='OCRNetPretrainCheckHook'),
    schedule=dict(
        type='OCRNetPretrainHook',
        momentum=(0.99, 1.0),  # of the teacher, first step to last
        horizon=0.05,  # share of the steps that it averages over at most
        sigma_from=0.12,  # share of the steps after which the vectors' log-variances join in
        own_from=1.0,  # share of the steps after which the teacher finds the regions; 1: never
    ),
    monitor=dict(
        type='OCRNetMonitorHook',
        interval=10,
        collapse=dict(min_spread=0.1, min_rank_share=0.02, patience=100),
    ),
    probe=dict(  # ann_file=COCO.json scores the teacher's vectors on labelled pictures
        type='OCRNetProbeHook', ann_file='', data_root='', img_dir='', size=view_size, interval=1000
    ),
    training_report=dict(type='OCRNetReportHook'),  # report.html in the work folder
    export=dict(type='OCRNetExportHook'),
    checkpoint=dict(type='OCRNetCheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2),
)
custom_hooks = [dict(type='OCRNetFiniteLossHook')]
randomness = dict(seed=0)  # a resumed run draws what it would have drawn
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(enable=False, base_batch_size=32)
