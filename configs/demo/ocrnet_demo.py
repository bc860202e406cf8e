# The tiny net on the generated data set of tools/make_demo_set.py.
_base_ = ['../_base_/ocrnet_tiny.py', '../_base_/small_data.py']
