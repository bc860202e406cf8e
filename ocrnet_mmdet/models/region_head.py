"""Candidate regions r_i read off the levels of any neck, scored by how well they localise.

Shape shorthand: B images, P points of all levels, G ground truth boxes of one image.
Naming convention: a *point* is the centre of a cell of a level; its *anchor* is the square of
``ANCHOR_SCALE`` strides around it, used for assignment only; *distances* are those from the point
to the four sides (left, top, right, bottom), in pixels of the network's input; *quality* is the IoU
of a candidate with its object.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, Scale
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.registry import MODELS, TASK_UTILS
from mmdet.structures.bbox import bbox_overlaps
from mmdet.utils import reduce_mean
from mmengine.config import ConfigDict
from mmengine.model import bias_init_with_prob, normal_init
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import InputError, require

ANCHOR_SCALE = (
    4  # 16 px at stride 4: in the small-data sets half of the objects are 10 to 36 px wide
)
IGNORED_INSIDE = (
    0.5  # share of an anchor inside an ignored area from which on no loss asks about it
)


@MODELS.register_module()
class OCRNetRegionHead(BaseDenseHead):
    """Class-agnostic, anchor-free candidates for the RPN slot of a two-stage detector.

    Every point predicts four distances and one quality: no foreground class, as in OLN (Kim et al.,
    Learning Open-World Object Proposals without Learning to Classify, 2021), with the quality
    trained on the candidate's own IoU by the quality focal loss (Li et al., Generalized Focal Loss,
    2020).

    Args:
        in_channels: Channels of the neck's levels.
        feat_channels: Channels of the tower.
        stacked_convs: 3x3 convolutions of the tower, shared by both outputs and all levels.
        strides: Strides of the neck's levels, in pixels.
        norm_cfg: Norm layers of the tower.
        assigner: Which points answer for a ground truth box; on the points' anchors.
        loss_quality: A loss on (logits, (label, quality)).
        loss_bbox: A loss on decoded boxes.
        with_cp: Compute the tower again in the backward pass instead of keeping its maps.
        num_classes: Accepted because every two-stage detector passes it; always 1.
        train_cfg: Not read; the detectors pass the anchor head's.
        test_cfg: ``nms_pre`` a level, ``nms``, ``max_per_img``, ``min_bbox_size``, ``score_thr``.
        init_cfg: As in mmengine; None draws the usual weights.
    """

    use_sigmoid_cls = True  # read by BaseDenseHead.predict_by_feat, as is the next one
    cls_out_channels = 1

    def __init__(
        self,
        in_channels: int = 256,
        feat_channels: int = 256,
        stacked_convs: int = 1,
        strides: Sequence[int] = (4, 8, 16, 32),
        norm_cfg: dict = dict(type='GN', num_groups=32, requires_grad=True),
        assigner: dict = dict(type='ATSSAssigner', topk=9),
        loss_quality: dict = dict(type='QualityFocalLoss', loss_weight=1.0),
        loss_bbox: dict = dict(type='GIoULoss', loss_weight=2.0),
        with_cp: bool = False,
        num_classes: int = 1,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for name, value in dict(
            in_channels=in_channels, feat_channels=feat_channels, stacked_convs=stacked_convs
        ).items():
            require(f'rpn_head.{name}', value, int, low=1)
        self.test_cfg = test_cfg
        self.strides = tuple(strides)
        self.with_cp = with_cp
        self.prior_generator = TASK_UTILS.build(
            dict(type='MlvlPointGenerator', strides=list(strides))
        )
        self.bbox_coder = TASK_UTILS.build(dict(type='DistancePointBBoxCoder'))
        self.assigner = TASK_UTILS.build(assigner)
        self.loss_cls = MODELS.build(loss_quality)
        self.loss_bbox = MODELS.build(loss_bbox)
        self.tower = nn.Sequential(
            *[
                ConvModule(
                    feat_channels if i else in_channels,
                    feat_channels,
                    3,
                    padding=1,
                    norm_cfg=norm_cfg,
                )
                for i in range(stacked_convs)
            ]
        )
        self.quality = nn.Conv2d(feat_channels, 1, 3, padding=1)
        self.distances = nn.Conv2d(feat_channels, 4, 3, padding=1)
        self.scales = nn.ModuleList(Scale(1.0) for _ in strides)

    def init_weights(self) -> None:
        super().init_weights()
        if self.init_cfg:
            return
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                normal_init(module, std=0.01)
        # Nearly all points are background: start from a quality of 0.01 (Lin et al., Focal Loss,
        # 2017).
        normal_init(self.quality, std=0.01, bias=bias_init_with_prob(0.01))

    def forward(self, feats: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Quality logits (B, 1, H_l, W_l) and distances (B, 4, H_l, W_l) of every level.

        Raises:
            InputError: The neck gives another number of levels than ``strides`` has.
        """
        if len(feats) != len(self.strides):
            raise InputError(
                f'strides has {len(self.strides)} entries, the neck gives '
                f'{len(feats)} levels: set model.rpn_head.strides'
            )
        qualities, distances = [], []
        # One convolution for both outputs: each alone costs as much.
        weight, bias = (
            torch.cat([getattr(self.quality, name), getattr(self.distances, name)])
            for name in ('weight', 'bias')
        )
        for level, stride, scale in zip(feats, self.strides, self.scales):
            if self.with_cp and level.requires_grad:
                level = checkpoint(self.tower, level, use_reentrant=False)
            else:
                level = self.tower(level)
            # not bfloat16: mmdet gives the points the scores' type, where a coordinate over 256 is
            # no longer exact
            logit, distance = F.conv2d(level, weight, bias, padding=1).float().split([1, 4], dim=1)
            qualities.append(logit)
            # exp(0) is half an anchor; the clamp keeps half precision finite (e^8 = 2,981 half
            # anchors)
            half_anchors = scale(distance).clamp(max=8).exp()
            distances.append(half_anchors * (ANCHOR_SCALE / 2 * stride))
        return qualities, distances

    def loss_by_feat(
        self,
        qualities: list[Tensor],
        distances: list[Tensor],
        batch_gt_instances: list[InstanceData],
        batch_img_metas: list[dict],
        batch_gt_instances_ignore: list[InstanceData] | None = None,
    ) -> dict:
        """``loss_rpn_quality`` and ``loss_rpn_bbox`` of a batch, from ``forward``'s outputs."""
        sizes = [level.shape[-2:] for level in qualities]
        points = self.prior_generator.grid_priors(sizes, device=distances[0].device)
        logits = _flatten(qualities).float()  # (B, P, 1)
        boxes = self.bbox_coder.decode(
            torch.cat(points).expand(len(logits), -1, -1),
            _flatten(distances),  # (B, P, 4)
        )
        ignored = batch_gt_instances_ignore or [None] * len(batch_gt_instances)
        # (B, P)
        owner = torch.stack(
            [self._assign(points, gt, ignore) for gt, ignore in zip(batch_gt_instances, ignored)]
        )
        gt_boxes = torch.cat([gt.bboxes[i[i > 0] - 1] for gt, i in zip(batch_gt_instances, owner)])
        return self._losses(logits.flatten(0, 1), boxes.flatten(0, 1), owner.flatten(), gt_boxes)

    def _assign(
        self, points: list[Tensor], gt: InstanceData, ignore: InstanceData | None
    ) -> Tensor:
        """(P,): i > 0 where a point answers for box i - 1, 0 for background, -1 for ignored areas.

        Only background is ignored: mmdet's assigners would take points from the boxes too.
        """
        half = [
            level.new_tensor(ANCHOR_SCALE / 2 * stride)
            for level, stride in zip(points, self.strides)
        ]
        anchors = torch.cat(
            [torch.cat([level - h, level + h], 1) for level, h in zip(points, half)]
        )
        owner = self.assigner.assign(
            InstanceData(priors=anchors), [len(level) for level in points], gt
        ).gt_inds
        if ignore is not None and len(ignore.bboxes):
            owner = owner.masked_fill(lie_inside(anchors, ignore.bboxes) & (owner == 0), -1)
        return owner

    def _bbox_post_process(
        self, results: InstanceData, cfg: ConfigDict, *args, **kwargs
    ) -> InstanceData:
        """As in BaseDenseHead, but non-maximum suppression stops soon after ``max_per_img`` are
        kept.

        Only better boxes suppress a box, so those that are kept of the best are kept of all.
        """
        if cfg.nms.type != 'nms' or cfg.max_per_img <= 0:
            return super()._bbox_post_process(results, cfg, *args, **kwargs)
        results = results[results.scores.argsort(descending=True)]
        count = 2 * cfg.max_per_img
        kept = super()._bbox_post_process(results[:count], cfg, *args, **kwargs)
        while len(kept) < cfg.max_per_img and count < len(results):
            count *= 2
            kept = super()._bbox_post_process(results[:count], cfg, *args, **kwargs)
        return kept

    def _losses(self, logits: Tensor, boxes: Tensor, owner: Tensor, gt_boxes: Tensor) -> dict:
        """Losses of all B * P points; ``gt_boxes`` are those of the points that have an owner."""
        positive = owner > 0
        matched = boxes[positive]
        quality = bbox_overlaps(matched.detach(), gt_boxes, is_aligned=True).clamp(0, 1)
        target = logits.new_zeros(len(logits))
        target[positive] = quality
        count = reduce_mean(positive.sum().float()).clamp(min=1)
        label = torch.where(positive, 0, 1)
        loss_quality = self.loss_cls(
            logits, (label, target), weight=(owner >= 0).float(), avg_factor=count
        )
        total = reduce_mean(quality.sum()).clamp(min=1)
        loss_bbox = self.loss_bbox(matched, gt_boxes, weight=quality, avg_factor=total)
        return dict(loss_rpn_quality=loss_quality, loss_rpn_bbox=loss_bbox)


def lie_inside(anchors: Tensor, areas: Tensor) -> Tensor:
    """(P,) whether ``IGNORED_INSIDE`` of an anchor (P, 4) or more lies in one of the areas (A, 4),
    A > 0.
    """
    return bbox_overlaps(anchors, areas, mode='iof').amax(1) >= IGNORED_INSIDE


def _flatten(levels: list[Tensor]) -> Tensor:
    """Maps (B, C, H_l, W_l) of all levels to (B, P, C)."""
    return torch.cat([level.flatten(2) for level in levels], dim=2).transpose(1, 2)
