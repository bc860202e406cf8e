"""What the pretrainer needs of a two-stage detector's slots, and how it reads and changes them.

Shape shorthand: N regions of a batch.
"""
from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..errors import InputError

PARTS = ('backbone', 'neck', 'rpn_head', 'roi_head')
# Loss terms A (vector), B (variance, covariance), C, D, E and their default weights.
TERMS = dict(vector=0.1, variance=0.05, covariance=0.002, regions=1.0, boxes=1.0, masks=1.0)


@contextmanager
def captured_input(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collects what is given to ``layer`` while the context is open."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        handle.remove()


def box_forward(roi_head: nn.Module, levels: tuple[Tensor, ...], rois: Tensor,
                hidden_share: float) -> dict:
    """The box branch on ``rois`` (N, 5); a share of them is hidden from the others' attention."""
    if not hasattr(roi_head, 'aggregator'):
        return roi_head._bbox_forward(levels, rois)
    context = torch.rand(len(rois), device=rois.device) >= hidden_share
    return roi_head._bbox_forward(levels, rois, context)


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy that takes no gradient."""
    return copy.deepcopy(module).requires_grad_(False)


def class_agnostic(detector: dict) -> dict:
    """The detector's config with box and mask branches that do not depend on the class.

    An ``RPNHead``'s assigner learns to leave areas alone, which mmdet's base configs turn off.
    """
    detector = copy.deepcopy(detector)
    rpn = detector.get('train_cfg', {}).get('rpn') or {}
    if 'assigner' in rpn:
        rpn['assigner']['ignore_iof_thr'] = 0.5
    detector['roi_head']['bbox_head']['reg_class_agnostic'] = True
    if detector['roi_head'].get('mask_head'):
        detector['roi_head']['mask_head']['class_agnostic'] = True
    return detector


def compares_vectors(weights: dict[str, float]) -> bool:
    """Whether A or B is on."""
    return any(weights[term] > 0 for term in ('vector', 'variance', 'covariance'))


def untrained_parts(weights: dict[str, float], with_mask: bool) -> list[str]:
    """What no loss term that is on reaches: DDP waits for the gradient of every weight that may have one."""
    boxes, vectors, masks = weights['boxes'] > 0, compares_vectors(weights), weights['masks'] > 0
    parts = dict(rpn_head=not weights['regions'])
    if boxes or vectors or masks:
        parts['roi_head.bbox_head'] = not (boxes or vectors)
        parts['roi_head.bbox_head.fc_cls'] = True
        parts['roi_head.bbox_head.fc_reg'] = not boxes
        parts['roi_head.mask_head'] = with_mask and not masks
    else:
        parts['roi_head'] = True
    return [part for part, untrained in parts.items() if untrained]


def check_slots(detector: dict, weights: dict[str, float], frozen_parts: tuple[str, ...]) -> None:
    """
    Raises:
        InputError: The detector lacks a slot that pretraining needs, or a name is unknown.
    """
    unknown = [name for name in weights if name not in TERMS]
    if unknown:
        raise InputError(f'model.weights names {unknown[0]!r}, the terms are {", ".join(TERMS)}')
    wrong = [part for part in frozen_parts if part not in PARTS]
    if wrong:
        raise InputError(f'model.frozen_parts names {wrong[0]!r}, the parts are {", ".join(PARTS)}')
    kind = detector.get('type')
    for slot in ('rpn_head', 'roi_head'):
        if not detector.get(slot):
            raise InputError(f'model.detector ({kind}) has no {slot}: OCRNetPretrainer needs a two-stage '
                             'detector with rpn_head and roi_head')
    if not isinstance(detector['roi_head'].get('bbox_head'), dict):
        raise InputError(f'model.detector ({kind}) has not one roi_head.bbox_head: cascades are not '
                         'pretrained; take StandardRoIHead or OCRNetRoIHead')
    if weights['masks'] and not detector['roi_head'].get('mask_head'):
        raise InputError(f'model.detector ({kind}) has no roi_head.mask_head: set model.weights.masks=0')
