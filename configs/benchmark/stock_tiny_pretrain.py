# Pretraining of the baseline arm: any two-stage detector of mmdet's can take the detector's place.
_base_ = ['../_base_/mask_rcnn_tiny.py', '../_base_/pretrain.py']

model = dict(_base_.pretrainer, _delete_=True, detector=_base_.model)
