# The narrow net on own data, and the OCRNet arm of the benchmarks: experiments/ sets data, sizes,
# steps, seed and learning rate.
_base_ = ['../_base_/ocrnet_tiny.py', '../_base_/small_data.py']
