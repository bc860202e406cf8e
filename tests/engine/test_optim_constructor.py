import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from torch import nn

import ocrnet_mmdet  # noqa: F401
from ocrnet_mmdet.errors import InputError


def test_biases_and_norms_do_not_decay():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Linear(4, 2))
    model[2].requires_grad_(False)
    wrapper = build_optim_wrapper(
        model,
        ConfigDict(
            type='OptimWrapper',
            constructor='OCRNetOptimConstructor',
            clip_grad=dict(max_norm=1.0),
            optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.5),
        ),
    )
    decay, plain = wrapper.optimizer.param_groups
    assert decay['params'] == [model[0].weight] and decay['weight_decay'] == 0.5
    assert {id(p) for p in plain['params']} == {
        id(p) for p in (model[0].bias, *model[1].parameters())
    } and plain['weight_decay'] == 0
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    before = {key: p.clone() for key, p in model.named_parameters()}
    wrapper.step()
    moved = {key for key, p in model.named_parameters() if not p.equal(before[key])}
    assert moved == {'0.weight'}  # the decay alone, for the gradient is zero


def test_a_paramwise_cfg_is_not_dropped_in_silence():
    with pytest.raises(InputError, match='reads no paramwise_cfg.*DefaultOptimWrapperConstructor'):
        build_optim_wrapper(
            nn.Linear(2, 2),
            ConfigDict(
                type='OptimWrapper',
                constructor='OCRNetOptimConstructor',
                paramwise_cfg=dict(norm_decay_mult=0.0),
                optimizer=dict(type='SGD', lr=0.1),
            ),
        )
