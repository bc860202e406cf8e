from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ocrnet_mmdet.engine.checkpoint_check import OCRNetCheckpointCheckHook, match_parts
from ocrnet_mmdet.errors import InputError


def net(width: int = 4) -> nn.ModuleDict:
    return nn.ModuleDict(dict(backbone=nn.Linear(2, width), head=nn.Linear(width, 3)))


def load(model: nn.Module, state: dict) -> list[str]:
    lines = []
    runner = SimpleNamespace(model=model, _load_from='a.pth',
                             logger=SimpleNamespace(info=lines.append))
    OCRNetCheckpointCheckHook().after_load_checkpoint(runner, dict(state_dict=state))
    return lines


def test_matches_are_counted_by_name_and_shape():
    state = net().state_dict()
    state['head.bias'] = torch.zeros(7)
    state['stranger.weight'] = torch.zeros(1)
    assert match_parts(net(), state) == dict(backbone=(2, 2), head=(1, 2))


def test_a_new_classifier_is_no_reason_to_refuse():
    state = net().state_dict()
    state['head.weight'] = torch.zeros(9, 4)
    assert load(net(), state) == ['checkpoint matches: backbone 2/2, head 1/2']


@pytest.mark.parametrize('state', [{}, {f'model.{k}': v for k, v in net().state_dict().items()},
                                   net(5).state_dict()])
def test_a_part_that_matches_nothing_is_refused_by_name(state):
    with pytest.raises(InputError, match=r'a\.pth: nothing in it fits backbone'):
        load(net(), {k: v for k, v in state.items() if k != 'head.bias'})
