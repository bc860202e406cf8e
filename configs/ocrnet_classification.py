# The article's classification on its encoder: one class a picture, cross-entropy, SGD 0.001 / 0.9,
# batch 16, 10 epochs; loss and accuracy in the log for train, val and, at the end, test.
_base_ = './_base_/runtime.py'
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

# A config of your own for train/CLASS/*.jpg, val/CLASS/*.jpg, test/CLASS/*.jpg in mine/:
#   _base_ = 'configs/ocrnet_classification.py'
#   classes = ('cat', 'dog')  # the names of the class folders
#   model = dict(num_classes=len(classes))
#   train_dataloader = dict(dataset=dict(data_root='mine/', metainfo=dict(classes=classes)))
#   val_dataloader = test_dataloader = train_dataloader
# For boxes in COCO JSONs, each cut out, give each data set its ann_file and
# data_prefix=dict(img=...).
data_root = 'data/mine/'
classes = ()

model = dict(
    type='OCRNetClassifier',
    num_classes=len(classes),
    data_preprocessor=dict(
        type='ImgDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    # A step of 0.001 is for weights that know pictures already: ImageNet's, or those of a
    # pretraining without labels (checkpoint='pretrained_detector.pth', prefix='backbone.body.').
    backbone=dict(
        type='OCRNetEncoder',
        arch='resnet50',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth',
        ),
    ),
)

# Without a pipeline of its own a split has the article's (ocrnet_mmdet/datasets/label_pipeline.py).
dataset = dict(
    type='OCRNetLabelDataset',
    data_root=data_root,
    data_prefix=dict(img=''),
    metainfo=dict(classes=classes),
)
loader = dict(
    batch_size=16, num_workers=2, persistent_workers=True, collate_fn=dict(type='default_collate')
)
train_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(split='train', **dataset),
    **loader,
)
val_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', **dataset),
    **loader,
)
test_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', **dataset),
    **loader,
)
val_evaluator = dict(type='OCRNetAccuracy')
test_evaluator = val_evaluator

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.001, momentum=0.9))
custom_hooks = [
    dict(type='NumClassCheckHook'),
    dict(type='OCRNetCheckpointCheckHook'),
    dict(type='OCRNetFiniteLossHook'),
    dict(type='OCRNetFinalTestHook'),
]
# the last line of an epoch is the epoch's mean
log_processor = dict(
    by_epoch=True,
    custom_cfg=[
        dict(data_src=name, method_name='mean', window_size='epoch')
        for name in ('loss', 'accuracy')
    ],
)
auto_scale_lr = dict(enable=False, base_batch_size=16)
