"""The region generator's maps F_A + F_R: a feature pyramid whose levels also carry pooled context.

Shape shorthand: B images, C channels, H W pixels of a level, L levels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmdet.models.necks import FPN
from mmdet.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import InputError, require


class PyramidPooling(nn.Module):
    """Lateral connection plus context pooled over bins of several sizes.

    Zhao et al., Pyramid Scene Parsing Network, 2017, section 3.2, with two changes for cost: the
    bins are joined at the finest bin's resolution and brought to the map's size once, and the
    context is added to the lateral map instead of being concatenated with it.

    Args:
        in_channels: Channels of the encoder's map.
        out_channels: Channels of the level.
        pool_bins: Bins per side; the picture is pooled to b x b for each.
        norm_cfg: Norm layer after the sum; without one the levels' scale runs away within 60 steps.
    """

    pool = staticmethod(F.adaptive_avg_pool2d)  # ONNX has none: an exported copy has its own

    def __init__(
        self, in_channels: int, out_channels: int, pool_bins: Sequence[int], norm_cfg: dict
    ) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.pool_bins = tuple(pool_bins)
        branch = out_channels // len(pool_bins)
        # No norm layer here: over 1 x 1 pooled values batch statistics do not exist.
        self.branches = nn.ModuleList(ConvModule(in_channels, branch, 1) for _ in pool_bins)
        self.context = nn.Conv2d(branch * len(pool_bins), out_channels, 1)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W)."""
        finest = max(self.pool_bins)
        pooled = [
            F.interpolate(
                conv(self.pool(x, bins)),
                size=(finest, finest),
                mode='bilinear',
                align_corners=False,
            )
            for bins, conv in zip(self.pool_bins, self.branches)
        ]
        context = self.context(torch.cat(pooled, dim=1))
        context = F.interpolate(context, size=x.shape[-2:], mode='bilinear', align_corners=False)
        return self.norm(self.lateral(x) + context)


@MODELS.register_module()
class OCRNetRegionGenerator(FPN):
    """Drop-in for FPN: the same arguments, the same outputs, each lateral with pyramid pooling.

    Args:
        in_channels: Channels of the backbone's maps.
        out_channels: Channels C of every level.
        num_outs: Levels L; more than the backbone gives are added as in FPN (``add_extra_convs``).
        pool_bins: Bins per side of the pyramid pooling.
        norm_cfg: Norm layers of laterals and outputs; GN, because it works with one picture a
            batch.
        with_cp: Compute the maps again in the backward pass instead of keeping them (not with batch
            norm, whose statistics would count each picture twice).
        kwargs: The rest of FPN's arguments.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        num_outs: int = 4,
        pool_bins: Sequence[int] = (1, 2, 3, 6),
        norm_cfg: dict = dict(type='GN', num_groups=32, requires_grad=True),
        with_cp: bool = False,
        **kwargs,
    ) -> None:
        if norm_cfg is None:
            raise InputError(
                "model.neck.norm_cfg=None lets the scale of OCRNetRegionGenerator's levels run "
                'away: '
                'leave it out (group norm), or name a norm layer'
            )
        require('neck.out_channels', out_channels, int, low=1)
        require('neck.num_outs', num_outs, int, low=1)
        for bins in pool_bins:
            require('neck.pool_bins', bins, int, low=1)
        super().__init__(list(in_channels), out_channels, num_outs, norm_cfg=norm_cfg, **kwargs)
        self.with_cp = with_cp
        self.lateral_convs = nn.ModuleList(
            PyramidPooling(c, out_channels, pool_bins, norm_cfg)
            for c in self.in_channels[self.start_level : self.backbone_end_level]
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Levels (B, C, H_l, W_l), finest first.

        Raises:
            InputError: The backbone's maps are not those of ``in_channels``.
        """
        given = [level.shape[1] for level in inputs]
        if given != list(self.in_channels):
            raise InputError(
                f'in_channels is {list(self.in_channels)}, the backbone gives {given}: '
                f'set model.neck.in_channels={given}'
            )
        if self.with_cp and self.training:
            levels = checkpoint(super().forward, inputs, use_reentrant=False)
        else:
            levels = super().forward(inputs)
        # mmcv's CPU roi_align reads channels-last maps wrongly.
        return tuple(level.contiguous() for level in levels)
