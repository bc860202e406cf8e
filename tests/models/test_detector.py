import copy
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.runner.checkpoint import load_state_dict

from ocrnet_mmdet.errors import InputError

from ..detectors import data_batch, ocrnet_config, tiny

OPTIM = ConfigDict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.01),
    paramwise_cfg=dict(bypass_duplicate=True),
)


def with_batch_norm(scope: str) -> ConfigDict:
    config = ocrnet_config()
    config.scope = scope
    config.backbone.norm_cfg = dict(type='BN', requires_grad=True)
    return config


@pytest.mark.parametrize(
    'scope, parts',
    [('aggregator', {'roi_head'}), ('all', {'backbone', 'neck', 'rpn_head', 'roi_head'})],
)
def test_a_step_changes_the_parts_of_the_scope_alone(scope, parts):
    model = tiny(with_batch_norm(scope))
    optimiser = build_optim_wrapper(model, OPTIM)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimiser.update_params(model.parse_losses(model(**data_batch(model), mode='loss'))[0])
    changed = {
        k.split('.')[0] for k, v in model.state_dict().items() if not torch.equal(v, before[k])
    }
    assert changed == parts
    held = {id(p) for group in optimiser.param_groups for p in group['params']}
    for parameter in model.parameters():
        assert (id(parameter) in held) == parameter.requires_grad


def test_a_misspelt_scope_is_named():
    with pytest.raises(InputError, match="'heads'"):
        tiny(with_batch_norm('heads'))


@pytest.mark.parametrize('objects', [[0, 0], [0, 3]])
def test_a_batch_without_candidates_trains_and_predicts(objects):
    config = ocrnet_config()
    for cfg in (config.train_cfg.rpn_proposal, config.test_cfg.rpn):
        cfg.score_thr = 1.1  # nothing passes
    model = tiny(config)
    loss, parts = model.parse_losses(model(**data_batch(model, num_items=objects), mode='loss'))
    loss.backward()
    assert all(torch.isfinite(value) for value in parts.values())
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    model.eval()
    samples = model(**data_batch(model, training=False), mode='predict')
    assert [len(s.pred_instances) for s in samples] == [0, 0]


def test_half_precision_trains_to_nearly_the_same_losses():
    model = tiny(ocrnet_config())
    batch = data_batch(model)

    def losses(enabled: bool, seed: int) -> dict:
        torch.manual_seed(seed)
        np.random.seed(seed)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            return model.parse_losses(model(**copy.deepcopy(batch), mode='loss'))[1]

    # Candidates of equal quality in half precision come in another order, so other ones are
    # sampled.
    full, half = ([losses(enabled, seed) for seed in range(6)] for enabled in (False, True))
    for name in (key for key in full[0] if 'loss' in key):
        means = [
            np.mean([float(parts[name].detach()) for parts in draws]) for draws in (full, half)
        ]
        assert means[1] == pytest.approx(means[0], rel=0.15, abs=0.05), name


def test_recomputed_maps_change_no_gradient():
    gradients = []
    for with_cp in (False, True):
        config = ocrnet_config()
        config.neck.with_cp = config.rpn_head.with_cp = with_cp
        config.roi_head.bbox_roi_extractor.with_cp = config.roi_head.aggregator.with_cp = with_cp
        model = tiny(config)
        data = data_batch(model)
        torch.manual_seed(1)  # of the samplers
        model.parse_losses(model(**data, mode='loss'))[0].backward()
        gradients.append({key: p.grad for key, p in model.named_parameters()})
    for key, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], value, msg=key)


def predicts(model) -> bool:
    model.eval()
    try:
        model(**data_batch(model, training=False), mode='predict')
    except InputError as error:
        assert 'do not fill roi_head.bbox_head.fc_cls.weight of this model' in str(error)
        return False
    return True


def test_a_model_left_random_predicts_once_it_is_trained():
    model = tiny(ocrnet_config())
    assert predicts(model)  # nothing was loaded
    whole = model.state_dict()
    part = {key: value for key, value in whole.items() if key != 'roi_head.bbox_head.fc_cls.weight'}
    for load in (lambda net, state: net.load_state_dict(state, strict=False), load_state_dict):
        net = tiny(ocrnet_config())
        load(net, part)
        assert not predicts(net) and not predicts(copy.deepcopy(net))
        load(net, dict(list(whole.items())[:5]))  # fills no more
        assert not predicts(net)
        net.train()
        net(**data_batch(net), mode='loss')
        assert predicts(net)
        net = tiny(ocrnet_config())
        load(net, part)
        load(net, {key: whole[key] for key in whole.keys() - part.keys()})
        assert predicts(net)


def test_a_classifier_of_other_classes_counts_as_not_loaded():
    state = tiny(ocrnet_config()).state_dict()
    state['roi_head.bbox_head.fc_cls.weight'] = state['roi_head.bbox_head.fc_cls.weight'][:-1]
    model = tiny(ocrnet_config())
    load_state_dict(model, OrderedDict(state))
    assert not predicts(model)


def test_a_part_of_a_larger_model_has_its_own_keys():
    outer = torch.nn.ModuleDict(dict(teacher=tiny(ocrnet_config())))
    state = outer.state_dict()
    load_state_dict(outer, OrderedDict(state))
    assert predicts(outer['teacher'])
    del state['teacher.roi_head.bbox_head.fc_cls.weight']
    load_state_dict(outer, OrderedDict(state))
    assert predicts(outer['teacher'])  # filled before
