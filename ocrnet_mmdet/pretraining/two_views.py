"""The last transform of a pretraining pipeline: two views of an image with their regions."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from ..errors import InputError, require
from .regions import Regions
from .views import MIN_SIDE, ViewMap, draw_crop, inside_share, show, vary_colours

# Share of a region's box that has to lie in a view for it to count there. What does not count is
# background to the region head, and a fine-tuning crop cuts objects too.
MIN_INSIDE = 0.25
TRIES = 10  # pairs of crops drawn until the two have a region in common


@TRANSFORMS.register_module()
class OCRNetTwoViews(BaseTransform):
    """Two crops of an image, varied independently, and the regions that each of them shows.

    Reads ``img`` (H, W, 3) uint8 BGR, ``regions`` and ``seed`` (all randomness comes from it);
    returns ``inputs``, two tensors (3, S, S) uint8, and ``data_samples``, two DetDataSamples. Their
    ``gt_instances`` hold ``bboxes`` (R, 4) xyxy in pixels of the view, around what of the segment
    lies in it, ``labels`` (zeros) and ``ids``, the regions' ranks in the image, by which a region
    of one view is found in the other; their ``segments`` the ``bboxes`` and ``masks`` (S, S) of
    some. Their metainfo's ``view`` is the exact map from the image, a :class:`~.views.ViewMap`.

    Args:
        size: S, pixels.
        area: Least and largest share of the image's area that a crop covers.
        segments: Regions of a view, drawn at random, whose segments go with it.
        solarise: Probability in either view (BYOL's: never in one, 0.2 in the other).
    """

    def __init__(
        self,
        size: int,
        area: tuple[float, float] = (0.5, 1.0),
        segments: int = 4,
        solarise: tuple[float, float] = (0.0, 0.2),
    ) -> None:
        self.size = require('OCRNetTwoViews.size', size, int, low=8)
        self.area = require('OCRNetTwoViews.area', area, above=0, high=1, count=2)
        if self.area[0] > self.area[1]:
            raise InputError(
                f'OCRNetTwoViews.area is {self.area}: give the least first, '
                f'area=({area[1]},{area[0]})'
            )
        self.segments = require('OCRNetTwoViews.segments', segments, int, low=1)
        self.solarise = require('OCRNetTwoViews.solarise', solarise, low=0, high=1, count=2)

    def transform(self, results: dict) -> dict:
        rng = np.random.default_rng(results['seed'])
        image, regions = results['img'], results['regions']
        for _ in range(TRIES):
            views = [self._draw(rng, image.shape[:2]) for _ in range(2)]
            kept = [self._visible(view.boxes(regions.boxes)) for view in views]
            if len(np.intersect1d(kept[0], kept[1])):
                break
        inputs = [
            vary_colours(rng, show(image, view, self.size), solarise)
            for view, solarise in zip(views, self.solarise)
        ]
        return dict(
            inputs=[
                torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
                for pixels in inputs
            ],
            data_samples=[
                self._sample(results, regions, view, ids, rng) for view, ids in zip(views, kept)
            ],
        )

    def _draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> ViewMap:
        return ViewMap.of_crop(draw_crop(rng, shape, self.area), self.size, rng.random() < 0.5)

    def _visible(self, boxes: np.ndarray) -> np.ndarray:
        """Indices of the boxes that a view shows."""
        clipped = boxes.clip(0, self.size)
        large = (clipped[:, 2:] - clipped[:, :2]).min(1, initial=np.inf) >= MIN_SIDE
        return np.flatnonzero(large & (inside_share(boxes, self.size) >= MIN_INSIDE))

    def _sample(
        self,
        results: dict,
        regions: Regions,
        view: ViewMap,
        ids: np.ndarray,
        rng: np.random.Generator,
    ) -> DetDataSample:
        side = self.size
        boxes = view.boxes(regions.boxes[ids])
        cut = ((boxes < 0) | (boxes > side)).any(1)
        boxes = boxes.clip(0, side)
        shown = _extents(regions.segments[ids[cut]], _from_segments(regions, view), side)
        boxes[cut] = np.concatenate(
            [np.maximum(boxes[cut, :2], shown[:, :2]), np.minimum(boxes[cut, 2:], shown[:, 2:])],
            axis=1,
        )
        large = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= MIN_SIDE
        boxes, ids = boxes[large].astype(np.float32), ids[large]
        drawn = rng.permutation(len(ids))[: self.segments]
        masks = np.array(
            [self._mask(regions, view, i) for i in ids[drawn]], dtype=np.uint8
        ).reshape(-1, side, side)
        sample = DetDataSample(
            metainfo=dict(
                img_path=results['img_path'],
                img_id=results['sample_idx'],
                img_shape=(side, side),
                ori_shape=(side, side),
                scale_factor=(1.0, 1.0),
                batch_input_shape=(side, side),
                view=view,
                segment_count=self.segments,
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.from_numpy(boxes),
            ids=torch.from_numpy(ids),
            labels=torch.zeros(len(ids), dtype=torch.long),
        )
        sample.segments = InstanceData(
            bboxes=torch.from_numpy(boxes[drawn]), masks=BitmapMasks(masks, side, side)
        )
        return sample

    def _mask(self, regions: Regions, view: ViewMap, i: int) -> np.ndarray:
        """The segment of region i in the view, (S, S) of 0 and 1."""
        segment = regions.segments[i].astype(np.uint8) * 255
        return (_from_segments(regions, view).warp(segment, self.size) > 127).astype(np.uint8)


def _from_segments(regions: Regions, view: ViewMap) -> ViewMap:
    """Point of the segments' grid -> point of the view."""
    shrink = np.array(regions.segments.shape[:0:-1]) / regions.shape[::-1]
    return view.after(ViewMap(1 / shrink, np.zeros(2)))


def _extents(segments: np.ndarray, to_view: ViewMap, side: int) -> np.ndarray:
    """Bounds (R, 4) in a view of what of the segments (R, h, w) it shows; of no area where that is
    nothing.

    Shown are the cells in which a pixel of the view has its centre.
    """
    centres = to_view.inverse().boxes(np.array([[0.5, 0.5, side - 0.5, side - 0.5]]))[0]
    left, top, right, bottom = (np.floor(centres).astype(int) + (0, 0, 1, 1)).clip(0)
    part = segments[:, top:bottom, left:right]
    low, high = [], []
    for axis, start in ((1, left), (2, top)):
        line = np.any(part, axis=axis)  # (R, columns), then (R, rows)
        low.append(start + line.argmax(1))
        high.append(
            np.where(np.any(line, axis=1), start + line.shape[1] - line[:, ::-1].argmax(1), low[-1])
        )
    return to_view.boxes(np.stack(low + high, axis=1)).clip(0, side)
