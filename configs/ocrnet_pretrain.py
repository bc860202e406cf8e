# OCRNet with ResNet-50 on a folder of pictures without labels: train it with
#   python tools/train.py configs/ocrnet_pretrain.py --cfg-options data_root=MY_PICTURES/
# and hand work_dirs/ocrnet_pretrain/pretrained_detector.pth to any config of the same detector as
# load_from.
_base_ = ['./_base_/ocrnet_r50_scratch.py', './_base_/pretrain.py']

model = dict(_base_.pretrainer, _delete_=True, detector=_base_.model)
