# OCRNet for own data of fewer than 1,000 pictures: the knobs are those on top of _base_/small_data.py.
_base_ = ['./_base_/ocrnet_r50.py', './_base_/small_data.py']

norm_cfg = dict(type='GN', num_groups=32, requires_grad=True)
