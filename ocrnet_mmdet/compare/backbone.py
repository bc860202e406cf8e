"""The backbone of an arm: whether it starts from ImageNet weights, and the same one from random."""

from __future__ import annotations

import inspect

from mmdet.registry import MODELS
from mmengine.config import ConfigDict

from ..config_tree import as_list

# Of our encoder: four crops give batch norm no statistics to begin with. Other backbones keep their
# batch norm: their channels may divide into no groups.
RANDOM_NORM = dict(type='GN', num_groups=8)
LEARNING = dict(frozen_stages=-1, norm_eval=False)  # of a backbone from random weights


def has_imagenet(backbone: ConfigDict) -> bool:
    """Whether a backbone's config names pretrained weights."""
    given = as_list(backbone.get('init_cfg'))
    return any(one.get('type') == 'Pretrained' for one in given)


def from_random(backbone: ConfigDict) -> dict:
    """What makes a backbone from ImageNet weights one from random weights, of the same layers."""
    changes: dict = dict(init_cfg=None)
    # Darknet's norm_eval is True where its config says nothing
    taken = {*inspect.signature(MODELS.get(backbone.type)).parameters, *backbone}
    changes |= {name: value for name, value in LEARNING.items() if name in taken}
    norm = backbone.get('norm_cfg') or {}
    if backbone.type == 'OCRNetEncoder' and norm.get('type') == 'BN':
        changes['norm_cfg'] = RANDOM_NORM
    elif 'requires_grad' in norm:  # those of Caffe's weights are frozen
        changes['norm_cfg'] = dict(norm, requires_grad=True)
    return changes
