# The baseline arm of the two-core benchmarks.
_base_ = ['../_base_/mask_rcnn_tiny.py', '../_base_/small_data.py']
