# Fast R-CNN with our encoder on regions that another detector or the discovery left in a file.
# docs/baselines.md has the commands that make it. Whole pictures instead of crops: mmdet's crop
# does not take regions along.
_base_ = [
    'mmdet::_base_/models/fast-rcnn_r50_fpn.py',
    '../_base_/lite0.py',
    '../_base_/small_boxes.py',
]
custom_imports = dict(imports=['ocrnet_mmdet'], allow_failed_imports=False)

model = dict(
    data_preprocessor=dict(_base_.lite0_pixels, _delete_=True),
    backbone=dict(_base_.lite0, _delete_=True),
    neck=dict(in_channels=_base_.lite0_channels, out_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=256, num_classes=len(_base_.classes)),
    ),
    # 512 regions of a crop are nearly all background, and double the step's time
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
)

proposals = dict(type='LoadProposals', num_max_proposals=1000)
train_pipeline = [
    _base_.load,
    proposals,
    _base_.labels,
    _base_.check_frame,
    _base_.seed_draw,
    dict(type='ProposalBroadcaster', transforms=[_base_.zoom, _base_.flip]),
    _base_.pack,
]
test_pipeline = [
    _base_.load,
    proposals,
    _base_.check_frame,
    dict(type='ProposalBroadcaster', transforms=[_base_.resize]),
    _base_.labels,
    _base_.pack_test,
]
train_dataloader = dict(
    dataset=dict(proposal_file='regions/train.pkl', pipeline=train_pipeline)  # in data_root
)
val_dataloader = dict(dataset=dict(proposal_file='regions/val.pkl', pipeline=test_pipeline))
test_dataloader = val_dataloader
