# The demo from ImageNet weights.
_base_ = ['../_base_/ocrnet_lite0.py', '../_base_/demo_data.py']

work_dir = 'work_dirs/demo/imagenet_start'
