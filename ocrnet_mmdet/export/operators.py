"""What ONNX has and torch has not, and the other way round.

Shape shorthand: B images, C channels, H W pixels of a map, S pooled side, N boxes, G groups.
Naming convention: ``symbolic`` writes an operator's node; ``forward`` is the same in torch, so that
an exported module can be run and tested before anything is written.
"""

from typing import Any

import torch
from mmcv.ops import nms, roi_align
from torch import Tensor
from torch.onnx.operators import shape_as_tensor


class NonMaxSuppression(torch.autograd.Function):
    """Boxes that no better one of their group overlaps: ONNX's operator of that name."""

    @staticmethod
    def forward(
        ctx: Any, boxes: Tensor, scores: Tensor, most: int, iou: float, least: float
    ) -> Tensor:
        """Rows (M, 3) of group, 0 and box, each group's by falling score.

        Args:
            ctx: Of autograd, not used.
            boxes: (G, N, 4) xyxy.
            scores: (G, 1, N).
            most: Boxes that are kept of a group.
            iou: Above which a box goes.
            least: Score that a box must exceed.
        """
        rows = [boxes.new_zeros(0, 3, dtype=torch.long)]
        for group, (places, values) in enumerate(zip(boxes, scores[:, 0])):
            (there,) = torch.where(values > least)
            if len(there):
                kept = there[nms(places[there], values[there], iou)[1][:most]]
                rows.append(torch.stack([torch.full_like(kept, group), kept * 0, kept], 1))
        return torch.cat(rows)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, most: int, iou: float, least: float) -> Any:
        limits = torch.tensor([most]), torch.tensor([iou]), torch.tensor([least])
        return g.op(
            'NonMaxSuppression', boxes, scores, *(g.op('Constant', value_t=t) for t in limits)
        )


class RoIAlign(torch.autograd.Function):
    """One bilinear sample a bin, as ``bilinear_taps`` has it: ONNX's operator of that name."""

    @staticmethod
    def forward(ctx: Any, level: Tensor, boxes: Tensor, scale: float, side: int) -> Tensor:
        """(N, C, side, side).

        Args:
            ctx: Of autograd, not used.
            level: (1, C, H, W).
            boxes: (N, 4) xyxy within the picture, in pixels.
            scale: Cells of the level a pixel.
            side: Of the result.
        """
        rois = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], 1)
        return roi_align(level, rois, (side, side), scale, 1, 'avg', True)

    @staticmethod
    def symbolic(g: Any, level: Any, boxes: Any, scale: float, side: int) -> Any:
        count = g.op('Gather', g.op('Shape', boxes), g.op('Constant', value_t=torch.tensor([0])))
        image = g.op('ConstantOfShape', count, value_t=torch.zeros(1, dtype=torch.long))
        return g.op(
            'RoiAlign',
            level,
            boxes,
            image,
            coordinate_transformation_mode_s='half_pixel',
            mode_s='avg',
            output_height_i=side,
            output_width_i=side,
            sampling_ratio_i=1,
            spatial_scale_f=scale,
        )


def adaptive_avg_pool(maps: Tensor, side: int) -> Tensor:
    """(B, C, side, side): ``adaptive_avg_pool2d``, also of maps whose size is not known yet.

    A bin is a rectangle, so the mean over it is one product of matrices for each axis.
    """
    height, width = shape_as_tensor(maps)[2:].unbind()
    return _shares(height, side) @ maps @ _shares(width, side).T


def _shares(length: Tensor, side: int) -> Tensor:
    """(side, length): what each cell of an axis adds to each bin."""
    cells = torch.arange(length)
    bins = torch.arange(side)[:, None]
    start = torch.div(bins * length, side, rounding_mode='floor')
    end = torch.div((bins + 1) * length + side - 1, side, rounding_mode='floor')
    inside = ((cells >= start) & (cells < end)).float()
    return inside / inside.sum(1, keepdim=True)
