"""What the pretrainer needs of a two-stage detector's slots, and how it reads and changes them.

Shape shorthand: N regions of a batch.
"""
from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmdet.models.detectors import TwoStageDetector
from mmdet.models.roi_heads.bbox_heads import BBoxHead, ConvFCBBoxHead
from mmdet.models.task_modules.assigners import AssignResult, MaxIoUAssigner
from mmdet.registry import TASK_UTILS
from mmdet.structures.bbox import bbox_overlaps
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..errors import InputError, require
from ..models.region_head import OCRNetRegionHead

PARTS = ('backbone', 'neck', 'rpn_head', 'roi_head')
ROI_PARTS = {'bbox_roi_extractor', 'bbox_head', 'mask_roi_extractor', 'mask_head', 'aggregator', 'shared_head'}
INSIDE = 0.5  # share of an anchor in an area that is left alone, from which on it is no background
# Loss terms A (vector), B (variance, covariance), C, D, E and their default weights (docs/pretraining.md). A and
# B cost 15 % of a step and have shown no gain. D and E at 1 spoil for short runs what C teaches the parts that
# they share; at 0.1 their own branches learn no less, for Adam's steps do not depend on a loss's scale.
TERMS = dict(vector=0.0, variance=0.0, covariance=0.0, regions=1.0, boxes=0.1, masks=0.1)


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

    An ``RPNHead``'s ``MaxIoUAssigner`` learns to leave areas alone. Augmentations of whole batches, such
    as padding to a fixed size, are for pictures with objects, not for views: they are left out.
    """
    detector = copy.deepcopy(detector)
    (detector.get('data_preprocessor') or {}).pop('batch_augments', None)
    assigner = (detector['train_cfg'].get('rpn') or {}).get('assigner') or {}
    kind = assigner.get('type')
    if (TASK_UTILS.get(kind) if isinstance(kind, str) else kind) is MaxIoUAssigner:
        assigner['type'] = 'OCRNetLenientAssigner'
    detector['roi_head']['bbox_head']['reg_class_agnostic'] = True
    if detector['roi_head'].get('mask_head'):
        detector['roi_head']['mask_head']['class_agnostic'] = True
    return detector


@TASK_UTILS.register_module()
class OCRNetLenientAssigner(MaxIoUAssigner):
    """mmdet's MaxIoUAssigner, in which an ignored area takes no anchor from an object.

    There its ``ignore_iof_thr`` leaves an object without any positive if the area holds it.
    """

    def assign(self, pred_instances: InstanceData, gt_instances: InstanceData,
               gt_instances_ignore: InstanceData | None = None, **kwargs) -> AssignResult:
        result = super().assign(pred_instances, gt_instances, None, **kwargs)
        if gt_instances_ignore is not None and len(gt_instances_ignore):
            inside = bbox_overlaps(pred_instances.priors, gt_instances_ignore.bboxes, mode='iof').amax(1)
            result.gt_inds[(result.gt_inds == 0) & (inside >= INSIDE)] = -1
        return result


def compares_vectors(weights: dict[str, float]) -> bool:
    """Whether A or B is on."""
    return any(weights[term] > 0 for term in ('vector', 'variance', 'covariance'))


def untrained_parts(weights: dict[str, float], roi_head: nn.Module) -> list[str]:
    """What no loss term that is on reaches: DDP waits for the gradient of every weight that may have one."""
    boxes, vectors, masks = weights['boxes'] > 0, compares_vectors(weights), weights['masks'] > 0
    parts = dict(rpn_head=not weights['regions'])
    if boxes or vectors or masks:
        parts['roi_head.bbox_head'] = not (boxes or vectors)
        parts['roi_head.bbox_head.fc_cls'] = True
        parts['roi_head.bbox_head.fc_reg'] = not boxes
        if isinstance(roi_head.bbox_head, ConvFCBBoxHead):  # layers of one of its two branches
            for kind in ('convs', 'fcs'):
                parts[f'roi_head.bbox_head.cls_{kind}'] = not vectors
                parts[f'roi_head.bbox_head.reg_{kind}'] = not boxes
        parts['roi_head.mask_head'] = roi_head.with_mask and not masks
    else:
        parts['roi_head'] = True
    return [part for part, untrained in parts.items() if untrained]


def check_slots(detector: dict, weights: dict[str, float], frozen_parts: tuple[str, ...]) -> None:
    """
    Raises:
        InputError: The detector lacks a slot that pretraining needs, or has one that would be left out, or
            a name is unknown, or a weight negative, or there is nothing to learn.
    """
    for name, weight in weights.items():
        require(f'model.weights.{name}', weight, low=0)
    unknown = [name for name in weights if name not in TERMS]
    if unknown:
        raise InputError(f'model.weights names {unknown[0]!r}, the terms are {", ".join(TERMS)}')
    if not any(weights.values()):
        raise InputError('all of model.weights are 0: there is nothing to learn')
    parts = [part for part in PARTS if detector.get(part)]
    wrong = [part for part in frozen_parts if part not in parts]
    if wrong:
        raise InputError(f'model.frozen_parts names {wrong[0]!r}, the parts are {", ".join(parts)}')
    kind = detector.get('type')
    for slot in ('rpn_head', 'roi_head'):
        if not detector.get(slot):
            raise InputError(f'model.detector ({kind}) has no {slot}: OCRNetPretrainer needs a two-stage '
                             'detector with rpn_head and roi_head')
    if not isinstance(detector['roi_head'].get('bbox_head'), dict):
        raise InputError(f'model.detector ({kind}) has not one roi_head.bbox_head: cascades are not '
                         'pretrained; take StandardRoIHead or OCRNetRoIHead')
    left_out = [name for name, value in detector['roi_head'].items()
                if isinstance(value, dict) and 'type' in value and name not in ROI_PARTS]
    if left_out:
        raise InputError(f'model.detector ({kind}) has roi_head.{left_out[0]}, which no loss term trains: take '
                         'StandardRoIHead or OCRNetRoIHead')
    if not (detector.get('train_cfg') or {}).get('rpn_proposal') or not detector['train_cfg'].get('rcnn'):
        raise InputError(f'model.detector ({kind}) has no train_cfg.rpn_proposal or train_cfg.rcnn: take those '
                         'of mmdet\'s configs/_base_/models/mask-rcnn_r50_fpn.py')
    if weights['masks'] and not detector['roi_head'].get('mask_head'):
        raise InputError(f'model.detector ({kind}) has no roi_head.mask_head: set model.weights.masks=0')


def check_loss(detector: nn.Module) -> None:
    """
    Raises:
        InputError: The detector trains in steps of its own (TridentNet repeats the pictures, PanopticFPN
            has one more head), or its region head does (a cascade of them), or its box head (SABL, Double-Head,
            CrowdDet): the pretrainer follows those of ``TwoStageDetector``, ``RPNHead`` and ``BBoxHead``.
    """
    if getattr(type(detector), 'loss', None) is not TwoStageDetector.loss:
        raise InputError(f'model.detector ({type(detector).__name__}) trains in another way than TwoStageDetector: '
                         'take FasterRCNN, MaskRCNN or OCRNetDetector')
    head = type(detector.rpn_head)
    if head.forward is nn.Module.forward:
        raise InputError(f'model.detector.rpn_head ({head.__name__}) has no forward of its own: cascades are not '
                         'pretrained; take RPNHead or OCRNetRegionHead')
    box_head = detector.roi_head.bbox_head
    if type(box_head) is not BBoxHead and not isinstance(box_head, ConvFCBBoxHead):
        raise InputError(f'model.detector.roi_head.bbox_head ({type(box_head).__name__}) trains in another way than '
                         'BBoxHead: take Shared2FCBBoxHead, Shared4Conv1FCBBoxHead or BBoxHead')


def warn_unless_lenient(region_head: nn.Module) -> None:
    """Say so where confident candidates that no region covers count as background, in term C."""
    lenient = isinstance(getattr(region_head, 'assigner', None), OCRNetLenientAssigner)
    if not lenient and not isinstance(region_head, OCRNetRegionHead):
        print_log(f'model.detector.rpn_head ({type(region_head).__name__}) leaves no area alone: candidates that no '
                  'region covers count as background; OCRNetRegionHead, or RPNHead with MaxIoUAssigner, leaves them',
                  logger='current', level=logging.WARNING)
