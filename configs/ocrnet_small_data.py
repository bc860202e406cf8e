# OCRNet with EfficientNet-Lite0 on own data of fewer than 1,000 pictures.
_base_ = ['./_base_/ocrnet_lite0.py', './_base_/small_data.py']

# ---- yours, here or by --cfg-options data_root=... classes="('car','bus')" ----
data_root = 'data/mine/'
classes = ('object', )  # as in the JSON, in its order; the heads follow
train_ann = 'annotations/train.json'
val_ann = 'annotations/val.json'
img_dir = 'images/'
with_mask = True  # False where the annotations have no segmentation
