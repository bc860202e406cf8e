"""What the pretrainer asks of a two-stage detector, and says where it cannot be pretrained."""

from __future__ import annotations

import logging

from mmdet.models.detectors import TwoStageDetector
from mmdet.models.roi_heads.bbox_heads import BBoxHead, ConvFCBBoxHead
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError
from ..models.region_head import OCRNetRegionHead
from .assigner import OCRNetLenientAssigner

PARTS = ('backbone', 'neck', 'rpn_head', 'roi_head')
ROI_PARTS = {
    'bbox_roi_extractor',
    'bbox_head',
    'mask_roi_extractor',
    'mask_head',
    'aggregator',
    'shared_head',
}


def check_slots(detector: dict, weights: dict[str, float], frozen_parts: tuple[str, ...]) -> None:
    """Look at a detector's config before it is built.

    Raises:
        InputError: The detector lacks a slot that pretraining needs, or has one that would be left
            out, or a part to be frozen is none of it.
    """
    parts = [part for part in PARTS if detector.get(part)]
    wrong = [part for part in frozen_parts if part not in parts]
    if wrong:
        raise InputError(f'model.frozen_parts names {wrong[0]!r}, the parts are {", ".join(parts)}')
    kind = detector.get('type')
    for slot in ('rpn_head', 'roi_head'):
        if not detector.get(slot):
            raise InputError(
                f'model.detector ({kind}) has no {slot}: OCRNetPretrainer needs a two-stage '
                'detector with rpn_head and roi_head'
            )
    if not isinstance(detector['roi_head'].get('bbox_head'), dict):
        raise InputError(
            f'model.detector ({kind}) has not one roi_head.bbox_head: cascades are not '
            'pretrained; take StandardRoIHead or OCRNetRoIHead'
        )
    left_out = [
        name
        for name, value in detector['roi_head'].items()
        if isinstance(value, dict) and 'type' in value and name not in ROI_PARTS
    ]
    if left_out:
        raise InputError(
            f'model.detector ({kind}) has roi_head.{left_out[0]}, which no loss term trains: take '
            'StandardRoIHead or OCRNetRoIHead'
        )
    if not (detector.get('train_cfg') or {}).get('rpn_proposal') or not detector['train_cfg'].get(
        'rcnn'
    ):
        raise InputError(
            f'model.detector ({kind}) has no train_cfg.rpn_proposal or train_cfg.rcnn: take those '
            "of mmdet's configs/_base_/models/mask-rcnn_r50_fpn.py"
        )
    if weights['masks'] and not detector['roi_head'].get('mask_head'):
        raise InputError(
            f'model.detector ({kind}) has no roi_head.mask_head: set model.weights.masks=0'
        )


def check_loss(detector: nn.Module) -> None:
    """Look at a detector's training, which the pretrainer takes over.

    Raises:
        InputError: The detector trains in steps of its own (TridentNet repeats the images,
            PanopticFPN has one more head), or its region head does (a cascade of them), or its box
            head (SABL, Double-Head, CrowdDet): the pretrainer follows those of
            ``TwoStageDetector``, ``RPNHead`` and ``BBoxHead``.
    """
    if getattr(type(detector), 'loss', None) is not TwoStageDetector.loss:
        raise InputError(
            f'model.detector ({type(detector).__name__}) trains in another way than '
            'TwoStageDetector: take FasterRCNN, MaskRCNN or OCRNetDetector'
        )
    head = type(detector.rpn_head)
    if head.forward is nn.Module.forward:
        raise InputError(
            f'model.detector.rpn_head ({head.__name__}) has no forward of its own: cascades are '
            'not pretrained; take RPNHead or OCRNetRegionHead'
        )
    box_head = detector.roi_head.bbox_head
    if type(box_head) is not BBoxHead and not isinstance(box_head, ConvFCBBoxHead):
        raise InputError(
            f'model.detector.roi_head.bbox_head ({type(box_head).__name__}) trains in another way '
            'than BBoxHead: take Shared2FCBBoxHead, Shared4Conv1FCBBoxHead or BBoxHead'
        )


def warn_unless_lenient(region_head: nn.Module) -> None:
    """Say so where confident proposals that no region covers count as background."""
    lenient = isinstance(getattr(region_head, 'assigner', None), OCRNetLenientAssigner)
    if not lenient and not isinstance(region_head, OCRNetRegionHead):
        print_log(
            f'model.detector.rpn_head ({type(region_head).__name__}) leaves no area alone: '
            'proposals that no region covers count as background; OCRNetRegionHead, or RPNHead '
            'with MaxIoUAssigner, leaves them',
            logger='current',
            level=logging.WARNING,
        )
