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
from torch.utils.checkpoint import checkpoint

from ..errors import require

# A region of this side (pixels) belongs to the finest level: Lin et al., Feature Pyramid Networks,
# 2017, equation 1, with k0 = 4 and the finest level 2.
FINEST_SCALE = 56
KEY_CHANNELS = 32  # of the attention over L levels, a choice among four


def level_rows(levels: Sequence[Tensor]) -> Tensor:
    """All cells of L maps (B, C, H_l, W_l) as rows (P, C): level by level, image by image, row by
    row.
    """
    return torch.cat([level.permute(0, 2, 3, 1).flatten(0, 2) for level in levels]).float()


def bilinear_taps(
    sizes: Sequence[tuple[int, int]], num_images: int, rois: Tensor, stride: int, size: int
) -> tuple[Tensor, Tensor]:
    """Which rows of :func:`level_rows` a region's bins are read from, and their shares.

    RoIAlign with one bilinear sample a bin. What a large region loses between its samples on a fine
    level, the coarser levels hold.

    Args:
        sizes: (H_l, W_l) of the L levels, finest first.
        num_images: B.
        rois: (N, 5), image index and xyxy in pixels of the network's input (continuous: pixel i is
            [i, i + 1]).
        stride: Of the finest level, pixels; each level has twice that of the one before.
        size: Bins per side.

    Returns:
        Indices and weights (N, size, size, L, 4); a bin's four weights of a level add up to 1.
    """
    last = torch.tensor(sizes, device=rois.device).flip(1) - 1  # (L, 2) of x and y
    cells, shares = _taps_of_an_axis(rois, last, stride, size)
    height, width = (last + 1).flip(1).unbind(1)
    first = F.pad((num_images * height * width).cumsum(0), (1, -1))  # (L,) rows before each level
    x, y = cells.unbind(3)
    rows = (
        first[:, None]
        + ((rois[:, 0].long()[:, None, None] * height)[..., None] + y) * width[:, None]
    )
    # Both of a bin's factors in full before they meet: sums and products over an inner side of 2
    # are slow. (N, 1, size, L * 4)
    x, x_share = (
        factor[..., None, :].expand(-1, -1, -1, 2, -1).flatten(2)[:, None]
        for factor in (x, shares[:, :, :, 0])
    )
    # (N, size, 1, L * 4)
    rows, y_share = (
        factor[..., None].expand(-1, -1, -1, -1, 2).flatten(2)[:, :, None]
        for factor in (rows, shares[:, :, :, 1])
    )
    taps = (len(sizes), 4)
    return (rows + x).unflatten(3, taps), (y_share * x_share).unflatten(3, taps)


def _taps_of_an_axis(rois: Tensor, last: Tensor, stride: int, size: int) -> tuple[Tensor, Tensor]:
    """The two cells that a bin's middle lies between and their shares, for x and y.

    Args:
        last: (L, 2) the last cell of each level in x and y.

    Returns:
        Cells and shares (N, size, L, 2, 2): of x and y, the one before and the one behind.
    """
    strides = stride * 2 ** torch.arange(len(last), device=rois.device)
    bins = (torch.arange(size, device=rois.device) + 0.5) / size
    start, end = rois[:, None, 1:3].float(), rois[:, None, 3:5].float()
    points = start + bins[:, None] * (end - start)  # (N, size, 2)
    points = points[:, :, None] / strides[:, None] - 0.5  # (N, size, L, 2)
    # a net that diverged reads rows that there are
    points = points.nan_to_num().clamp(min=0).minimum(last)
    low = points.floor()
    share = points - low
    low = low.long()
    cells = torch.stack([low, (low + 1).minimum(last)], dim=-1)
    return cells, torch.stack([1 - share, share], dim=-1)


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
        with_cp: Pool again in the backward pass instead of keeping the places and weights that were
            read.
    """

    def __init__(
        self,
        out_channels: int,
        featmap_strides: Sequence[int] = (4, 8, 16, 32),
        roi_size: int = 7,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.out_channels = require('bbox_roi_extractor.out_channels', out_channels, int, low=1)
        self.featmap_strides = list(featmap_strides)
        self.roi_size = require('bbox_roi_extractor.roi_size', roi_size, int, low=1)
        self.level_embedding = nn.Parameter(torch.randn(len(featmap_strides), KEY_CHANNELS) * 0.02)
        self.level_content = nn.Linear(out_channels, KEY_CHANNELS)
        self.level_query = nn.Sequential(
            nn.Linear(2, KEY_CHANNELS), nn.GELU(), nn.Linear(KEY_CHANNELS, KEY_CHANNELS)
        )
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

    def level_weights(self, feats: tuple[Tensor, ...], rois: Tensor, scale: int = 1) -> Tensor:
        """The share (N, L) of each level in the regions; arguments as of :meth:`forward`."""
        return self._taps(feats, rois, scale)[3]

    def _pool_and_merge(self, feats: tuple[Tensor, ...], rois: Tensor, scale: int) -> Tensor:
        rows, indices, weights, levels = self._taps(feats, rois, scale)
        merged = _sums(
            rows, indices.flatten(3), (weights * levels[:, None, None, :, None]).flatten(3)
        )
        # mmcv's DCNv2 reads a view in another layout wrongly.
        return merged.permute(0, 3, 1, 2).contiguous()

    def _taps(
        self, feats: tuple[Tensor, ...], rois: Tensor, scale: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rows of the maps, which of them are read and their shares, and the level weights."""
        rows = level_rows(feats)
        side = scale * self.roi_size
        indices, weights = bilinear_taps(
            [level.shape[-2:] for level in feats],
            len(feats[0]),
            rois,
            self.featmap_strides[0],
            side,
        )
        # The means teach the level weights, not the maps: their gradient costs as much as the
        # pooling's own.
        content = _sums(rows.detach(), *_by_level(indices, weights)) / side**2
        return rows, indices, weights, self.weights_of_content(content, rois)

    def weights_of_content(self, content: Tensor, rois: Tensor) -> Tensor:
        """(N, L), of the regions' means on every level (N, L, C)."""
        sides = ((rois[:, 3:] - rois[:, 1:3]).float().clamp(min=1) / FINEST_SCALE).log2()  # (N, 2)
        home = sides.mean(1, keepdim=True).clamp(0, content.shape[1] - 1)
        distance = torch.arange(content.shape[1], device=rois.device) - home  # (N, L)
        with torch.autocast(rois.device.type, enabled=False):
            query = self.level_query(sides)[..., None] / KEY_CHANNELS**0.5  # (N, KEY_CHANNELS, 1)
            keys = self.level_embedding + self.level_content(content)  # (N, L, KEY_CHANNELS)
            scores = (keys @ query)[..., 0] - self.level_sharpness * distance.square()
            return scores.softmax(dim=1)


def _by_level(indices: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Taps (N, S, S, L, 4) to (N, L, S * S * 4)."""
    return tuple(taps.flatten(1, 2).transpose(1, 2).flatten(2) for taps in (indices, weights))


def _sums(rows: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """(..., C): the sum of the rows that ``indices`` (..., taps) name, each times its weight."""
    taps = indices.shape[-1]
    sums = F.embedding_bag(
        indices.reshape(-1, taps), rows, mode='sum', per_sample_weights=weights.reshape(-1, taps)
    )
    return sums.unflatten(0, indices.shape[:-1])
