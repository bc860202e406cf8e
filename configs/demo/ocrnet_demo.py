# The narrow net on the demo set. After ocrnet_demo_pretrain.py:
# load_from=work_dirs/demo/pretraining/pretrained_detector.pth
_base_ = ['../_base_/ocrnet_tiny.py', '../_base_/demo_data.py']

model = dict(roi_head=dict(bbox_head=dict(num_classes=5), mask_head=dict(num_classes=5)))
work_dir = 'work_dirs/demo/random_start'
