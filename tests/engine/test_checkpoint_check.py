from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn

from ocrnet_mmdet.engine.checkpoint_check import (
    OCRNetCheckpointCheckHook,
    match_parts,
    repeat_agnostic,
)
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT


def net(width: int = 4) -> nn.ModuleDict:
    return nn.ModuleDict(dict(backbone=nn.Linear(2, width), head=nn.Linear(width, 3)))


NO_LOOP = dict(_train_loop=None, _val_loop=None, _test_loop=None)


def load(model: nn.Module, state: dict, meta: dict = dict()) -> list[str]:
    lines = []
    runner = SimpleNamespace(
        model=model,
        _load_from='a.pth',
        _resume=False,
        **NO_LOOP,
        logger=SimpleNamespace(info=lines.append),
    )
    OCRNetCheckpointCheckHook().after_load_checkpoint(runner, dict(state_dict=state, meta=meta))
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


@pytest.mark.parametrize(
    'state', [{}, {f'model.{k}': v for k, v in net().state_dict().items()}, net(5).state_dict()]
)
def test_a_part_that_matches_nothing_is_refused_by_name(state):
    with pytest.raises(InputError, match=r'a\.pth: nothing in it fits backbone'):
        load(net(), {k: v for k, v in state.items() if k != 'head.bias'})


def test_the_region_head_alone_loads_a_two_stage_detector():
    config = Config.fromfile(ROOT / 'configs/baselines/faster_rcnn.py')
    whole = MODELS.build(config.model)
    names = ('backbone', 'neck', 'rpn_head', 'data_preprocessor', 'train_cfg', 'test_cfg')
    alone = MODELS.build(dict(type='RPN', **{name: config.model[name] for name in names}))
    lines = load(alone, whole.state_dict())
    assert lines[0].endswith(', bbox_head 6/6')


class Detector(nn.Module):
    """The last layers of a box and a mask branch, for ``groups`` classes."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.backbone = nn.Linear(2, 2)
        self.roi_head = nn.ModuleDict(
            dict(
                bbox_head=nn.ModuleDict(
                    dict(
                        fc=nn.Linear(3, 3, bias=False),
                        fc_cls=nn.Linear(3, groups + 1),
                        fc_reg=nn.Linear(3, 4 * groups),
                    )
                ),
                mask_head=nn.ModuleDict(
                    dict(conv=nn.Conv2d(3, 3, 1, bias=False), conv_logits=nn.Conv2d(3, groups, 1))
                ),
            )
        )


LAST = [
    f'roi_head.{layer}.{kind}'
    for layer in ('bbox_head.fc_reg', 'mask_head.conv_logits')
    for kind in ('weight', 'bias')
]


def test_class_agnostic_layers_are_repeated_for_every_class():
    """Class c's deltas are rows 4c to 4c + 3, its mask is channel c: each as the agnostic ones."""
    given, model = Detector(1).double(), Detector(5).double()
    state = given.state_dict()
    assert sorted(repeat_agnostic(model, state)) == sorted(LAST)
    model.load_state_dict({key: state[key] for key in LAST}, strict=False)
    x = torch.randn(7, 3, dtype=torch.float64)
    deltas = model.roi_head.bbox_head.fc_reg(x).reshape(7, 5, 4)
    expected = given.roi_head.bbox_head.fc_reg(x)
    assert all(torch.allclose(deltas[:, c], expected) for c in range(5))
    x = torch.randn(7, 3, 2, 2, dtype=torch.float64)
    masks = model.roi_head.mask_head.conv_logits(x)
    assert torch.allclose(masks, given.roi_head.mask_head.conv_logits(x).expand(7, 5, 2, 2))


def test_only_divisible_last_layers_are_repeated():
    state = Detector(5).state_dict()
    before = dict(state)
    assert repeat_agnostic(Detector(5), state) == []
    assert repeat_agnostic(Detector(7), state) == []
    assert all(state[key] is value for key, value in before.items())


@pytest.mark.parametrize('meta, last', [(dict(pretrained_without_labels=True), 2), ({}, 0)])
def test_only_a_file_pretrained_without_labels_is_repeated(meta, last):
    lines = load(Detector(5), Detector(1).state_dict(), meta)
    assert lines[-1] == (
        f'checkpoint matches: backbone 2/2, roi_head.bbox_head {1 + last}/5, '
        f'roi_head.mask_head {1 + last}/3'
    )


def test_parts_that_the_pretraining_did_not_train_are_named():
    lines = load(
        net(), net().state_dict(), dict(pretrained_without_labels=True, untrained=['head', 'neck'])
    )
    assert lines[-1] == 'checkpoint: its pretraining did not train head, neck'


def test_a_pretrainings_checkpoint_gives_its_teacher():
    teacher, model = Detector(1), Detector(5)
    state = {
        f'{name}.{key}': value
        for name, net in (('student', Detector(1)), ('teacher', teacher))
        for key, value in net.state_dict().items()
    } | {'projector.weight': torch.zeros(1)}
    checkpoint = dict(state_dict=state, meta=dict(epoch=0), ocrnet_pretrain={})
    OCRNetCheckpointCheckHook().after_load_checkpoint(
        SimpleNamespace(model=model, _resume=False, **NO_LOOP, logger=SimpleNamespace(info=print)),
        checkpoint,
    )
    fresh = {key: value.clone() for key, value in model.state_dict().items()}
    assert not model.load_state_dict(checkpoint['state_dict'], strict=False).unexpected_keys
    assert model.backbone.weight.equal(teacher.backbone.weight)
    assert model.roi_head.bbox_head.fc_reg.bias.equal(
        teacher.roi_head.bbox_head.fc_reg.bias.repeat(5)
    )
    assert model.roi_head.bbox_head.fc_cls.weight.equal(fresh['roi_head.bbox_head.fc_cls.weight'])


def test_another_methods_teacher_is_not_taken_for_a_pretrainings():
    """mmdet's SoftTeacher has one too, with a classifier that was trained."""
    state = {
        f'{name}.{key}': value
        for name in ('student', 'teacher')
        for key, value in Detector(5).state_dict().items()
    }
    with pytest.raises(InputError, match='nothing in it fits backbone'):
        load(Detector(5), state)


@pytest.mark.parametrize('part', ['bbox_head', 'mask_head'])
def test_an_empty_branch_of_the_roi_head_is_an_empty_part(part):
    state = {k: v for k, v in Detector(5).state_dict().items() if part not in k}
    with pytest.raises(InputError, match=f'nothing in it fits roi_head.{part}'):
        load(Detector(5), state)
