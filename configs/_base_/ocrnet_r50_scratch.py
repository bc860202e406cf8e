# The ResNet-50 detector from random weights: all stages trained, norm statistics of all processes.
_base_ = './ocrnet_r50.py'

model = dict(
    backbone=dict(
        frozen_stages=-1,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        norm_eval=False,
        init_cfg=None,
    )
)
