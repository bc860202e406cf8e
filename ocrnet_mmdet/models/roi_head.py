"""The RoI head M_H(R + F_F(R)): mmdet's StandardRoIHead with the aggregator between pooling and
heads.

Shape shorthand: N regions of a batch, C channels, S pooled side.
"""

import torch
import torch.nn.functional as F
from mmdet.models.layers import multiclass_nms
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.task_modules.samplers import SamplingResult
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..errors import InputError, require
from .aggregator import Aggregator, add_resampled, region_places


@MODELS.register_module()
class OCRNetRoIHead(StandardRoIHead):
    """Class, box and mask from aggregated regions.

    Works with any neck and any RPN head, in FasterRCNN, MaskRCNN and FastRCNN. The box head is any
    of mmdet's that reads (N, C, S, S); the mask head any that reads (N, C, 2S, 2S). There is no
    ``mask_roi_extractor``: masks are read from the same regions at twice the resolution.

    A detection's score is its class's times the candidate's score to the power of ``test_cfg``'s
    ``quality_weight`` (0 without it): as in probabilistic two-stage detection (Zhou et al., 2021),
    where the power is 1. Only for box heads that score as ``BBoxHead`` does (not SABL).

    Args:
        bbox_roi_extractor: An ``OCRNetRoIExtractor``.
        aggregator: Arguments of :class:`Aggregator` but for ``channels`` and ``roi_size``.
        kwargs: The rest of ``StandardRoIHead``'s arguments.
    """

    def __init__(self, bbox_roi_extractor: dict, aggregator: dict = dict(), **kwargs) -> None:
        super().__init__(bbox_roi_extractor=bbox_roi_extractor, **kwargs)
        if self.with_shared_head:
            raise InputError(
                'shared_head is set, OCRNetRoIHead has none: set model.roi_head.shared_head=None'
            )
        weight = require(
            'test_cfg.rcnn.quality_weight', (self.test_cfg or {}).get('quality_weight', 0), low=0
        )
        if self.with_bbox and weight and not _scores_as_usual(self.bbox_head):
            raise InputError(
                f'{type(self.bbox_head).__name__} makes scores in its own way: set '
                'model.test_cfg.rcnn.quality_weight=0'
            )
        extractor = self.bbox_roi_extractor
        self.aggregator = Aggregator(
            channels=extractor.out_channels, roi_size=extractor.roi_size, **aggregator
        )

    def init_mask_head(self, mask_roi_extractor: dict | None, mask_head: dict) -> None:
        if mask_roi_extractor is not None:
            raise InputError(
                'mask_roi_extractor is set, OCRNetRoIHead reads masks through '
                'bbox_roi_extractor: set model.roi_head.mask_roi_extractor=None'
            )
        self.mask_head = MODELS.build(mask_head)
        # mmcv's operators (deformable convolutions, CARAFE) read channels-last maps wrongly on a
        # CPU.
        self.mask_head_is_plain = isinstance(self.mask_head, FCNMaskHead) and not any(
            type(module).__module__.startswith('mmcv.ops') for module in self.mask_head.modules()
        )
        # In mmdet's sense: mask_loss is to hand over the positive RoIs, not their box features.
        self.share_roi_extractor = False

    def aggregate(
        self, x: tuple[Tensor, ...], rois: Tensor, regions: Tensor, context: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """F_F(R) (N, C, G, G) and the regions' vectors F_FL (N, num_layers, C).

        Args:
            x: The neck's levels.
            rois: (N, 5), image index and xyxy in pixels of the network's input, grouped by image.
            regions: R (N, C, S, S).
            context: (N,) False for regions hidden from all others.
        """
        stride = self.bbox_roi_extractor.featmap_strides[0]
        size = (x[0].shape[-2] * stride, x[0].shape[-1] * stride)
        return self.aggregator(
            regions, region_places(rois[:, 1:], size), rois[:, 0].long(), x[0].shape[0], context
        )

    def _bbox_forward(
        self, x: tuple[Tensor, ...], rois: Tensor, context: Tensor | None = None
    ) -> dict:
        x = x[: self.bbox_roi_extractor.num_inputs]
        regions = self.bbox_roi_extractor(x, rois)
        bbox_feats = add_resampled(regions, self.aggregate(x, rois, regions, context)[0])
        cls_score, bbox_pred = self.bbox_head(bbox_feats)
        return dict(cls_score=cls_score, bbox_pred=bbox_pred, bbox_feats=bbox_feats)

    def bbox_loss(self, x: tuple[Tensor, ...], sampling_results: list[SamplingResult]) -> dict:
        """As in StandardRoIHead, but ground truth boxes among the samples are hidden from the
        others.

        A region that saw them would learn to copy the answer from its context.
        """
        rois = bbox2roi([res.priors for res in sampling_results])
        context = torch.cat([~_is_ground_truth(res) for res in sampling_results])
        results = self._bbox_forward(x, rois, context)
        results.update(
            self.bbox_head.loss_and_target(
                results['cls_score'], results['bbox_pred'], rois, sampling_results, self.train_cfg
            )
        )
        # mmdet's box head has no class loss without a sample; DDP wants a gradient all the same.
        results['loss_bbox'].setdefault('loss_cls', results['cls_score'].sum())
        return results

    def predict_bbox(
        self,
        x: tuple[Tensor, ...],
        batch_img_metas: list[dict],
        rpn_results_list: list[InstanceData],
        rcnn_test_cfg: ConfigDict | None,
        rescale: bool = False,
    ) -> list[InstanceData]:
        weight = rcnn_test_cfg.get('quality_weight') if rcnn_test_cfg else None
        if not weight or not rcnn_test_cfg:
            return super().predict_bbox(
                x, batch_img_metas, rpn_results_list, rcnn_test_cfg, rescale
            )
        raw = super().predict_bbox(x, batch_img_metas, rpn_results_list, None, rescale)
        results = []
        for candidates, image in zip(rpn_results_list, raw):
            # mmdet reads candidates from a file without scores as if all scores were zero.
            factors = candidates.scores**weight if candidates.scores.any() else None
            boxes, labels = multiclass_nms(
                image.bboxes,
                image.scores,
                rcnn_test_cfg.score_thr,
                rcnn_test_cfg.nms,
                rcnn_test_cfg.max_per_img,
                score_factors=factors,
            )
            results.append(InstanceData(bboxes=boxes[:, :4], scores=boxes[:, 4], labels=labels))
        return results

    def _mask_forward(self, x: tuple[Tensor, ...], rois: Tensor) -> dict:
        x = x[: self.bbox_roi_extractor.num_inputs]
        fine = self.bbox_roi_extractor(x, rois, scale=2)  # (N, C, 2S, 2S)
        added = self.aggregate(x, rois, F.avg_pool2d(fine, 2))[0]
        mask_feats = add_resampled(fine, added)
        if fine.device.type == 'cpu' and self.mask_head_is_plain:
            mask_feats = mask_feats.contiguous(memory_format=torch.channels_last)  # half the time
        return dict(mask_preds=self.mask_head(mask_feats), mask_feats=mask_feats)


def _scores_as_usual(head: nn.Module) -> bool:
    return getattr(type(head), '_predict_by_feat_single', None) is BBoxHead._predict_by_feat_single


def _is_ground_truth(result: SamplingResult) -> Tensor:
    """(N,) True for samples that are ground truth boxes, in the order of ``result.priors``."""
    negatives = result.neg_priors.new_zeros(len(result.neg_priors), dtype=torch.bool)
    return torch.cat([result.pos_is_gt.bool(), negatives])
