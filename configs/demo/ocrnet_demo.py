# The narrow net on the demo set. After ocrnet_demo_pretrain.py:
# load_from=work_dirs/demo/pretraining/pretrained_detector.pth
_base_ = ['../_base_/ocrnet_tiny.py', '../_base_/demo_data.py']

work_dir = 'work_dirs/demo/random_start'
