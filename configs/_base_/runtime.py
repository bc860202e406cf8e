# What every OCRNet training shares.
_base_ = 'mmdet::_base_/default_runtime.py'

default_hooks = dict(
    checkpoint=dict(
        type='OCRNetCheckpointHook', save_last=True, save_best='auto', max_keep_ckpts=2
    ),
    training_report=dict(type='OCRNetReportHook'),  # report.html in the work folder
    visualization=dict(
        type='OCRNetVisualizationHook', backend_args=dict(backend='ocrnet_pictures')
    ),
)
custom_hooks = [
    dict(type='NumClassCheckHook'),
    dict(type='OCRNetCheckpointCheckHook'),
    dict(type='OCRNetFiniteLossHook'),
]
