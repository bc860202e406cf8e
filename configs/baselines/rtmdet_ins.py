# RTMDet-Ins: RTMDet's net with mask kernels in the head, and data with masks.
_base_ = './rtmdet.py'

model = dict(
    bbox_head=dict(
        type='RTMDetInsSepBNHead',
        loss_mask=dict(type='DiceLoss', loss_weight=2.0, eps=5e-6, reduction='mean'),
    ),
    test_cfg=dict(
        nms_pre=1000,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.6),
        max_per_img=100,
        mask_thr_binary=0.5,
    ),
)

with_mask = True
labels = dict(_base_.labels, with_mask=with_mask)
train_pipeline = [_base_.load, labels, *_base_.train_pipeline[2:]]
test_pipeline = [*_base_.test_pipeline[:3], labels, _base_.pack_test]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(metric=['bbox', 'segm'])
test_evaluator = val_evaluator
