"""Regions R: pooled on every level, merged by attention over the levels.

Shape shorthand: B images, N regions of a batch, R most regions of one image, L levels, C channels,
S pooled side.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from ..errors import require

# A region of this side (pixels) belongs to the finest level: Lin et al., Feature Pyramid Networks,
# 2017, equation 1, with k0 = 4 and the finest level 2.
FINEST_SCALE = 56
KEY_CHANNELS = 32  # of the attention over L levels, a choice among four


def pool_regions(levels: Sequence[Tensor], boxes: Sequence[Tensor], stride: int,
                 size: int) -> list[Tensor]:
    """RoIAlign with one bilinear sample a bin, for all regions of a batch on every level.

    ``grid_sample`` instead of mmcv's RoIAlign: on a CPU its forward and backward are 2.7 times as
    fast at one sample a bin (7 times against two by two), and it reads channels-last maps, which
    mmcv's CPU version silently gets wrong. What a large region loses between its samples on a fine
    level, the coarser levels hold.

    Args:
        levels: L maps (B, C, H_l, W_l), finest first.
        boxes: B tensors (R_b, 4), xyxy in pixels of the network's input (continuous: pixel i is [i,
            i + 1]).
        stride: Of the finest level, pixels; each level has twice that of the one before.
        size: Bins per side.

    Returns:
        L tensors (N, C, size, size), the regions of image 0 first.
    """
    counts = [len(rows) for rows in boxes]
    padded = pad_sequence(list(boxes), batch_first=True)  # (B, R, 4)
    bins = (torch.arange(size, device=padded.device) + 0.5) / size
    x = padded[..., :1] + bins * (padded[..., 2:3] - padded[..., :1])  # (B, R, size)
    y = padded[..., 1:2] + bins * (padded[..., 3:4] - padded[..., 1:2])
    real = torch.cat([torch.arange(count, device=padded.device) + i * padded.shape[1]
                      for i, count in enumerate(counts)])  # rows that are no padding
    pooled = []
    for i, level in enumerate(levels):
        # A level's own extent: of an input that no coarse stride divides it is larger than the finest one's.
        height, width = (side * stride * 2**i for side in level.shape[-2:])
        grid = torch.stack(torch.broadcast_tensors(
            (2 * x / width - 1)[:, :, None], (2 * y / height - 1)[..., None]), dim=-1)
        samples = F.grid_sample(level.float(), grid.flatten(1, 2), padding_mode='border',
                                align_corners=False)  # (B, C, R * size, size)
        samples = samples.unflatten(2, (-1, size)).transpose(1, 2).flatten(0, 1)  # (B * R, C, ...)
        pooled.append(samples if len(samples) == len(real) else samples[real])
    return pooled


@MODELS.register_module()
class OCRNetRoIExtractor(BaseModule):
    """Pools each region from all levels and lets its size and content choose between them.

    The level weights are attention: a query from the region's size over one key a level (level
    embedding plus the pooled mean), biased at the start towards the level of FPN's equation 1.
    Takes the place of mmdet's RoI extractors.

    Args:
        out_channels: C of the neck.
        featmap_strides: Strides of the L levels that are pooled, in pixels, each twice the one
            before.
        roi_size: S.
        with_cp: Pool again in the backward pass instead of keeping every region on all L levels.
    """

    def __init__(self, out_channels: int, featmap_strides: Sequence[int] = (4, 8, 16, 32),
                 roi_size: int = 7, with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.out_channels = require('bbox_roi_extractor.out_channels', out_channels, int, low=1)
        self.featmap_strides = list(featmap_strides)
        self.roi_size = require('bbox_roi_extractor.roi_size', roi_size, int, low=1)
        self.level_embedding = nn.Parameter(torch.randn(len(featmap_strides), KEY_CHANNELS) * 0.02)
        self.level_content = nn.Linear(out_channels, KEY_CHANNELS)
        self.level_query = nn.Sequential(nn.Linear(2, KEY_CHANNELS), nn.GELU(),
                                         nn.Linear(KEY_CHANNELS, KEY_CHANNELS))
        self.level_sharpness = nn.Parameter(torch.tensor(2.0))

    @property
    def num_inputs(self) -> int:
        """Levels that are pooled; mmdet's RoI heads cut the neck's output to them."""
        return len(self.featmap_strides)

    def forward(self, feats: tuple[Tensor, ...], rois: Tensor, scale: int = 1) -> Tensor:
        """R (N, C, scale * S, scale * S).

        Args:
            feats: The L levels.
            rois: (N, 5): image index and xyxy in pixels of the network's input, grouped by image.
            scale: 1 for the box head, 2 for the mask head.
        """
        if self.with_cp and feats[0].requires_grad:
            return checkpoint(self._pool_and_merge, feats, rois, scale, use_reentrant=False)
        return self._pool_and_merge(feats, rois, scale)

    def _pool_and_merge(self, feats: tuple[Tensor, ...], rois: Tensor, scale: int) -> Tensor:
        counts = torch.bincount(rois[:, 0].long(), minlength=len(feats[0])).tolist()
        pooled = pool_regions(feats, rois[:, 1:].float().split(counts), self.featmap_strides[0],
                              scale * self.roi_size)
        weights = self._level_weights(pooled, rois)
        # A sum instead of one stacked tensor: at 512 px a step's peak is that copy lower.
        merged = pooled[0] * weights[:, 0]
        for level, weight in zip(pooled[1:], weights.unbind(1)[1:]):
            merged = torch.addcmul(merged, level, weight)
        # Of one picture it is a view in another layout, which mmcv's DCNv2 reads wrongly.
        return merged.contiguous()

    def _level_weights(self, pooled: list[Tensor], rois: Tensor) -> Tensor:
        """(N, L, 1, 1, 1), of L tensors (N, C, S, S)."""
        sides = ((rois[:, 3:] - rois[:, 1:3]).float().clamp(min=1) / FINEST_SCALE).log2()  # (N, 2)
        home = sides.mean(1, keepdim=True).clamp(0, len(pooled) - 1)
        distance = torch.arange(len(pooled), device=rois.device) - home  # (N, L)
        content = torch.stack([level.mean((-2, -1)) for level in pooled], dim=1)  # (N, L, C)
        with torch.autocast(rois.device.type, enabled=False):
            query = self.level_query(sides)[..., None] / KEY_CHANNELS**0.5  # (N, KEY_CHANNELS, 1)
            keys = self.level_embedding + self.level_content(content)  # (N, L, KEY_CHANNELS)
            scores = (keys @ query)[..., 0] - self.level_sharpness * distance.square()
            return scores.softmax(dim=1)[..., None, None, None]
