import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper

from ocrnet_mmdet.errors import InputError

from ..detectors import data_batch, ocrnet_config, tiny

OPTIM = ConfigDict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01),
                   paramwise_cfg=dict(bypass_duplicate=True))


def with_batch_norm(scope: str) -> ConfigDict:
    config = ocrnet_config()
    config.scope = scope
    config.backbone.norm_cfg = dict(type='BN', requires_grad=True)
    return config


@pytest.mark.parametrize('scope, parts', [
    ('aggregator', {'roi_head'}), ('all', {'backbone', 'neck', 'rpn_head', 'roi_head'})])
def test_a_step_changes_the_parts_of_the_scope_alone(scope, parts):
    model = tiny(with_batch_norm(scope))
    optimiser = build_optim_wrapper(model, OPTIM)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimiser.update_params(model.parse_losses(model(**data_batch(model), mode='loss'))[0])
    changed = {k.split('.')[0] for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == parts
    held = {id(p) for group in optimiser.param_groups for p in group['params']}
    for parameter in model.parameters():
        assert (id(parameter) in held) == parameter.requires_grad


def test_a_misspelt_scope_is_named():
    with pytest.raises(InputError, match="'heads'"):
        tiny(with_batch_norm('heads'))
