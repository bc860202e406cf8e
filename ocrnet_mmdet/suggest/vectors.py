"""A picture's vector: what the detector makes of the objects that it finds there, as one mean.

Shape shorthand: B images, N detections of one image, L levels, C channels of a vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.ops import roi_align
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from torch import Tensor, nn

from ..predict.regions import RegionDetector


class VectorDetector(nn.Module):
    """A detector that also sums up the vectors of what it finds, weighted by score.

    An object's vector is the aggregator's token 0 after its last layer; of a detector without a
    trained aggregator it is the mean of each level within the box. Of an image in which nothing is
    found it is that of the whole image.

    Args:
        model: As ``Predictor.net`` has it.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.clear()

    def clear(self) -> None:
        """Begin a new picture."""
        self._sum: Tensor | float = 0.0
        self._weight = 0.0

    def mean(self) -> np.ndarray:
        """(C,) float32: over all that was found in the tiles of one picture."""
        return torch.as_tensor(self._sum / self._weight).cpu().numpy().astype(np.float32)

    @torch.no_grad()
    def test_step(self, data: dict) -> list[DetDataSample]:
        """What the detector finds; its vectors are added to the sum."""
        with levels_of(self._detector()) as seen:
            samples = self.model.test_step(data)
        rois, scores = _regions(samples, seen[0][0].device)
        vectors = self._vectors(seen[0], rois, samples[0].metainfo['batch_input_shape'])
        vectors = F.layer_norm(vectors, vectors.shape[1:])  # long ones would outweigh the others
        self._sum = self._sum + (scores[:, None] * vectors).sum(0)
        self._weight += float(scores.sum())
        return samples

    def _detector(self) -> nn.Module:
        return self.model.detector if isinstance(self.model, RegionDetector) else self.model

    def _vectors(self, levels: tuple[Tensor, ...], rois: Tensor, size: tuple[int, int]) -> Tensor:
        """(N, C) of the regions of all images."""
        trained = not isinstance(self.model, RegionDetector) or self.model.with_boxes
        head = getattr(self._detector(), 'roi_head', None)
        if head is None or not hasattr(head, 'aggregator') or not trained:
            return pooled(levels, rois, size)
        levels = levels[: head.bbox_roi_extractor.num_inputs]
        regions = head.bbox_roi_extractor(levels, rois)
        return head.aggregate(levels, rois, regions)[1][:, -1]


@contextmanager
def levels_of(detector: nn.Module) -> Iterator[list[tuple[Tensor, ...]]]:
    """Collects the levels that a detector makes of its images while the context is open."""
    seen: list[tuple[Tensor, ...]] = []
    part = detector.neck if getattr(detector, 'with_neck', False) else detector.backbone
    handle = part.register_forward_hook(lambda *call: seen.append(tuple(call[2])))
    try:
        yield seen
    finally:
        handle.remove()


def pooled(levels: tuple[Tensor, ...], rois: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C) the mean of each level within each box, all levels' channels one after another.

    Args:
        rois: (N, 5), image index and xyxy in pixels of the network's input.
        size: (H, W) of the input.
    """
    means = [
        roi_align(level, rois, (2, 2), level.shape[-1] / size[1], 2, 'avg', True).mean((2, 3))
        for level in levels
    ]
    return torch.cat(means, dim=1)


def _regions(samples: list[DetDataSample], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rois (N, 5) in pixels of the network's input and scores (N,) of what was found in B images.

    An image without detections has one region, itself, of score 1.
    """
    boxes, scores = [], []
    for sample in samples:
        found, meta = sample.pred_instances, sample.metainfo
        factor = torch.tensor(meta['scale_factor'], device=device).repeat(2)
        if len(found):
            boxes.append(found.bboxes.to(device) * factor)
            scores.append(found.scores.to(device))
        else:
            height, width = meta['img_shape'][:2]
            boxes.append(torch.tensor([[0.0, 0.0, width, height]], device=device))
            scores.append(torch.ones(1, device=device))
    return bbox2roi(boxes), torch.cat(scores)
