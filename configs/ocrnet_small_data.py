# OCRNet with EfficientNet-Lite0 on own data of fewer than 1,000 pictures: tools/start.py writes the
# config that inherits this one, with your pictures, classes and sizes.
_base_ = ['./_base_/ocrnet_lite0.py', './_base_/small_data.py']
