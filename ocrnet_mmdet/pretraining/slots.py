"""How the pretrainer reads and changes the slots of a two-stage detector.

Shape shorthand: V views of a batch, N regions of a batch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmdet.models.roi_heads.bbox_heads import ConvFCBBoxHead
from mmdet.models.task_modules.assigners import MaxIoUAssigner
from mmdet.registry import TASK_UTILS
from mmengine.structures import InstanceData
from torch import Tensor, nn

from .term_weights import compares_vectors

PROPOSALS = 100  # of a view: enough to find the confident ones and for the recall that is watched


@contextmanager
def captured_input(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collects what is given to ``layer`` while the context is open."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        handle.remove()


def box_forward(
    roi_head: nn.Module, levels: tuple[Tensor, ...], rois: Tensor, hidden_share: float
) -> dict:
    """The box branch on ``rois`` (N, 5); a share of them is hidden from the others' attention."""
    if not hasattr(roi_head, 'aggregator'):
        return roi_head._bbox_forward(levels, rois)
    context = torch.rand(len(rois), device=rois.device) >= hidden_share
    return roi_head._bbox_forward(levels, rois, context)


def best_proposals(detector: nn.Module, outputs: tuple, metas: list[dict]) -> list[InstanceData]:
    """Up to ``PROPOSALS`` of each view, with ``bboxes`` and ``scores``, best first; they take no
    gradient.

    Args:
        outputs: Of the detector's region head, on all V views.
        metas: V views' metainfo.
    """
    cfg = copy.copy(detector.train_cfg.rpn_proposal)
    cfg.update(nms_pre=PROPOSALS, max_per_img=PROPOSALS)
    return detector.rpn_head.predict_by_feat(
        *[[level.detach() for level in output] for output in outputs],
        batch_img_metas=metas,
        cfg=cfg,
        rescale=False,
    )


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy that takes no gradient."""
    return copy.deepcopy(module).requires_grad_(False)


def class_agnostic(detector: dict) -> dict:
    """The detector's config with box and mask branches that do not depend on the class.

    An ``RPNHead``'s ``MaxIoUAssigner`` learns to leave areas alone. Augmentations of whole batches,
    such as padding to a fixed size, are for images with objects, not for views: they are left out.
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


def untrained_parts(weights: dict[str, float], roi_head: nn.Module) -> list[str]:
    """What no loss term that is on reaches: DDP waits for the gradient of every weight that may
    have one.
    """
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
