# small_data.py for detectors without masks: labels may have none.
_base_ = './small_data.py'

with_mask = False
labels = dict(_base_.labels, with_mask=with_mask)
train_pipeline = [
    _base_.load,
    labels,
    _base_.check_frame,
    _base_.seed_draw,
    _base_.zoom,
    _base_.crop,
    _base_.no_slivers,
    _base_.flip,
    _base_.pack,
]
test_pipeline = [_base_.load, _base_.check_frame, _base_.resize, labels, _base_.pack_test]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(metric=['bbox'])
test_evaluator = val_evaluator
