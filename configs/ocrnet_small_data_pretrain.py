# The net of ocrnet_small_data.py on a folder of pictures without labels, from ImageNet weights on:
#   python tools/train.py configs/ocrnet_small_data_pretrain.py --cfg-options data_root=MY_PICTURES/
# and hand work_dirs/ocrnet_small_data_pretrain/pretrained_detector.pth to ocrnet_small_data.py as
# load_from.
_base_ = ['./_base_/ocrnet_lite0.py', './_base_/pretrain.py']

model = dict(_base_.pretrainer, _delete_=True, detector=_base_.model)
