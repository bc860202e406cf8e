"""What a detector without a classifier finds: the candidates of its region head."""

from __future__ import annotations

import torch
from mmdet.models.detectors import TwoStageDetector
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..pretraining.own_regions import find_regions


class RegionDetector(nn.Module):
    """Predicts regions of one class, with the region head's scores.

    Boxes are moved by the box branch and masks are those of the mask branch, where the pretraining
    trained these.

    Args:
        detector: With class-agnostic box and mask branches.
        min_score: Least score of a region.
        untrained: Parts of the detector that were not trained.
    """

    def __init__(self, detector: TwoStageDetector, min_score: float, untrained: list[str]) -> None:
        super().__init__()
        self.detector, self.min_score = detector, min_score
        self.with_boxes = not any('roi_head.bbox_head.fc_reg'.startswith(p) for p in untrained)
        self.with_masks = detector.roi_head.with_mask and not any(
            'roi_head.mask_head'.startswith(part) for part in untrained
        )

    @torch.no_grad()
    def test_step(self, data: dict) -> list[DetDataSample]:
        """As a detector's: ``pred_instances`` of each picture, in its own pixels."""
        data = self.detector.data_preprocessor(data, False)
        samples = data['data_samples']
        metas = [sample.metainfo for sample in samples]
        levels = self.detector.extract_feat(data['inputs'])
        proposals = self.detector.rpn_head.predict(levels, samples, rescale=False)
        found = find_regions(
            self.detector, levels, proposals, metas, self.min_score, self.with_boxes
        )
        found = self._with_masks(levels, found, metas)
        for sample, regions in zip(samples, found):
            sample.pred_instances = regions
        return samples

    def _with_masks(
        self, levels: tuple[Tensor, ...], found: list[InstanceData], metas: list[dict]
    ) -> list[InstanceData]:
        """The regions in the pictures' own pixels, with masks where there are any."""
        if self.with_masks:
            return self.detector.roi_head.predict_mask(levels, metas, found, rescale=True)
        for regions, meta in zip(found, metas):
            regions.bboxes = regions.bboxes / regions.bboxes.new_tensor(meta['scale_factor'] * 2)
        return found
