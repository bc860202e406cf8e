"""Regions of views as a pretrained detector finds them, in the place of the discovered ones.

Shape shorthand: V views of a batch, S side of a view, R regions of one view.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from mmcv.ops import nms
from mmdet.models.detectors import TwoStageDetector
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from torch import Tensor

from .targets import common_ids
from .views import MIN_SIDE

DUPLICATE_IOU = 0.5


@torch.no_grad()
def find_regions(
    detector: TwoStageDetector,
    levels: tuple[Tensor, ...],
    proposals: list[InstanceData],
    metas: list[dict],
    min_score: float,
    with_boxes: bool,
) -> list[InstanceData]:
    """What a class-agnostic detector is confident of, in each image, best first.

    Args:
        levels: Its neck's levels of the images.
        proposals: Its region head's, of each image, with ``bboxes`` and ``scores``.
        min_score: Least score of a proposal that counts.
        with_boxes: Whether its box branch moves the proposals.
    """
    found = [c[c.scores >= min_score] for c in proposals]
    if with_boxes:
        moved = detector.roi_head.predict_bbox(levels, metas, found, None, rescale=False)
        for regions, boxes in zip(found, moved):
            regions.bboxes = boxes.bboxes
    return [_distinct(regions) for regions in found]


@torch.no_grad()
def find_segments(
    detector: TwoStageDetector,
    levels: tuple[Tensor, ...],
    found: list[InstanceData],
    metas: list[dict],
    count: int,
) -> list[InstanceData]:
    """Boxes and masks of up to ``count`` of each image's regions, drawn at random."""
    drawn = [
        regions[torch.randperm(len(regions), device=regions.bboxes.device)[:count]]
        for regions in found
    ]
    segments = []
    for regions in detector.roi_head.predict_mask(levels, metas, drawn, rescale=False):
        masks = regions.masks.cpu().numpy().astype(np.uint8)
        segments.append(
            InstanceData(bboxes=regions.bboxes, masks=BitmapMasks(masks, *masks.shape[1:]))
        )
    return segments


def relabelled(
    samples: list[DetDataSample], found: list[InstanceData], segments: list[InstanceData]
) -> list[DetDataSample]:
    """The samples of V views, every image's first, then every image's second, with ``found`` and
    ``segments`` in the place of theirs.
    """
    half = len(samples) // 2
    for i, j in zip(range(half), range(half, len(samples))):
        first, second = samples[i].metainfo, samples[j].metainfo
        found[i].ids, found[j].ids = common_ids(
            found[i].bboxes, found[j].bboxes, first['view'], second['view'], first['img_shape']
        )
    copies = [copy.copy(sample) for sample in samples]
    for sample, regions, some in zip(copies, found, segments):
        sample.gt_instances, sample.segments = regions, some
    return copies


def _distinct(regions: InstanceData) -> InstanceData:
    """Best first, without near-duplicates and slivers."""
    _, kept = nms(regions.bboxes, regions.scores, DUPLICATE_IOU)
    sides = regions.bboxes[kept, 2:] - regions.bboxes[kept, :2]
    kept = kept[sides.amin(1) >= MIN_SIDE]
    return InstanceData(
        bboxes=regions.bboxes[kept], scores=regions.scores[kept], labels=torch.zeros_like(kept)
    )
