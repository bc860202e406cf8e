# The narrow net of the demo and of the two-core benchmarks: half-width ResNet-18, 64 channels, GN
# everywhere, because four pictures of 160 px give batch norm no statistics.
_base_ = './ocrnet_r50.py'

norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)

model = dict(
    backbone=dict(
        arch='resnet18',
        width=0.5,
        frozen_stages=-1,
        norm_eval=False,
        norm_cfg=norm_cfg,
        init_cfg=None,
    ),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, norm_cfg=norm_cfg, with_cp=False),
    rpn_head=dict(in_channels=64, feat_channels=64, norm_cfg=norm_cfg, with_cp=False),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        aggregator=dict(num_heads=4),
        bbox_head=dict(in_channels=64, fc_out_channels=256),
        mask_head=dict(in_channels=64, conv_out_channels=64, norm_cfg=norm_cfg),
    ),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))),  # half the step's time on a CPU is per region
)
