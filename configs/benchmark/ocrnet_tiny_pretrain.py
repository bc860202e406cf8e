# Pretraining of the narrow net, on own pictures and in the benchmarks: experiments/ sets data,
# sizes, steps, seed and what is ablated.
_base_ = ['../_base_/ocrnet_tiny.py', '../_base_/pretrain.py']

model = dict(_base_.pretrainer, _delete_=True, detector=_base_.model)
