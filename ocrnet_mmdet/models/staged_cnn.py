"""Plain convolutional bodies for the encoder: VGG, the article's 8-layer CNN, and GoogLeNet.

Shape shorthand: B images, C channels, H W pixels.
Every body is one flat ``nn.Sequential`` called ``features`` that is cut into a stem (up to stride
2) and four stages whose maps have strides 4, 8, 16 and 32. VGG keeps torchvision's order of
modules, so that its published weights load by name.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

VGG_CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
VGG_WIDTHS = (64, 128, 256, 512, 512)
CONV8_LAYERS = (  # (width, stride) of each layer, one tuple a stage, the stem first
    ((64, 2),),
    ((64, 2), (64, 1)),
    ((128, 2), (128, 1)),
    ((256, 2), (256, 1)),
    ((512, 2),),
)
# Widths of the branches 1x1, 1x1 -> 3x3, 1x1 -> 3x3 (GoogLeNet's "5x5"), pool -> 1x1:
# Szegedy et al., Going Deeper with Convolutions, 2014, table 1.
INCEPTION_BLOCKS = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


class StagedCNN(BaseModule):
    """A stem and four stages, with the options that mmdet's ResNet has.

    Args:
        stages: Five lists of modules: the stem, then the stages of strides 4, 8, 16, 32.
        channels: Output channels of the four stages.
        out_indices: Stages whose maps are returned, in [0, 4).
        frozen_stages: -1 freezes nothing, 0 the stem, i the stem and the first i stages: no
            gradient, norm statistics fixed.
        norm_eval: Keep all batch norm layers in eval mode while training.
        with_cp: Recompute each stage in the backward pass to save memory.
        init_cfg: As in mmengine; Kaiming by default.
    """

    def __init__(
        self,
        stages: Sequence[list[nn.Module]],
        channels: Sequence[int],
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            init_cfg
            or [
                dict(type='Kaiming', layer='Conv2d'),
                dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
            ]
        )
        self.features = nn.Sequential(*[module for stage in stages for module in stage])
        self.ends = torch.tensor([len(stage) for stage in stages]).cumsum(0).tolist()
        self.channels = tuple(channels)
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        if frozen_stages >= 0:
            self._frozen().requires_grad_(False)

    def _frozen(self) -> nn.Sequential:
        return self.features[: self.ends[self.frozen_stages]]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps of the chosen stages of pictures ``x`` (B, 3, H, W)."""
        x = self.features[: self.ends[0]](x)
        maps = []
        for i, (start, end) in enumerate(zip(self.ends[:-1], self.ends[1:])):
            stage = self.features[start:end]
            recompute = self.with_cp and x.requires_grad
            x = checkpoint(stage, x, use_reentrant=False) if recompute else stage(x)
            if i in self.out_indices:
                maps.append(x)
        return tuple(maps)

    def train(self, mode: bool = True) -> 'StagedCNN':
        super().train(mode)
        if self.frozen_stages >= 0:
            self._frozen().eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


def scaled(channels: int, width: float) -> int:
    """``channels * width`` as a multiple of 8, so that GN's groups divide it."""
    return max(8, round(channels * width / 8) * 8)


def _conv(
    c_in: int, c_out: int, norm_cfg: dict | None, stride: int = 1, bias: bool = False
) -> list[nn.Module]:
    conv = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=bias or norm_cfg is None)
    norm = [build_norm_layer(norm_cfg, c_out)[1]] if norm_cfg else []
    return [conv, *norm, nn.ReLU(inplace=True)]


def vgg(depth: int, width: float, norm_cfg: dict | None, **kwargs) -> StagedCNN:
    """VGG's convolutions (Simonyan and Zisserman, 2014); the last stage is a pooling alone."""
    widths = [scaled(w, width) for w in VGG_WIDTHS]
    blocks, c_in = [], 3
    for convs, c_out in zip(VGG_CONVS[depth], widths):
        block = []
        for _ in range(convs):
            # the published BN statistics are of convolutions with a bias
            block += _conv(c_in, c_out, norm_cfg, bias=True)
            c_in = c_out
        blocks.append(block)
    stem = [*blocks[0], nn.MaxPool2d(2), *blocks[1]]
    stages = [[nn.MaxPool2d(2), *block] for block in blocks[2:]]
    return StagedCNN([stem, *stages, [nn.MaxPool2d(2)]], (*widths[2:], widths[-1]), **kwargs)


def conv8(width: float, norm_cfg: dict | None, **kwargs) -> StagedCNN:
    """Eight 3x3 convolutions, five of them of stride 2."""
    stages, c_in = [], 3
    for layers in CONV8_LAYERS:
        stage = []
        for c_out, stride in layers:
            stage += _conv(c_in, scaled(c_out, width), norm_cfg, stride)
            c_in = scaled(c_out, width)
        stages.append(stage)
    channels = [scaled(layers[-1][0], width) for layers in CONV8_LAYERS[1:]]
    return StagedCNN(stages, channels, **kwargs)


class Inception(nn.Module):
    """One GoogLeNet block: four branches, joined by channel.

    Args:
        c_in: Input channels.
        widths: Of 1x1, 3x3's reduction, 3x3, "5x5"'s reduction, "5x5", pool's projection.
        norm_cfg: Norm layer of every convolution.
    """

    def __init__(self, c_in: int, widths: Sequence[int], norm_cfg: dict | None) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pool = widths

        def conv(a: int, b: int, k: int) -> ConvModule:
            return ConvModule(a, b, k, padding=k // 2, norm_cfg=norm_cfg)

        self.branches = nn.ModuleList(
            [
                conv(c_in, one, 1),
                nn.Sequential(conv(c_in, reduce3, 1), conv(reduce3, three, 3)),
                nn.Sequential(conv(c_in, reduce5, 1), conv(reduce5, five, 3)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(c_in, pool, 1)),
            ]
        )
        self.out_channels = one + three + five + pool

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def inception(width: float, norm_cfg: dict | None, **kwargs) -> StagedCNN:
    """GoogLeNet up to its last block, with norm layers."""
    w64, w192 = scaled(64, width), scaled(192, width)
    stem = [ConvModule(3, w64, 7, stride=2, padding=3, norm_cfg=norm_cfg)]
    stages = [
        [
            nn.MaxPool2d(3, 2, 1),
            ConvModule(w64, w64, 1, norm_cfg=norm_cfg),
            ConvModule(w64, w192, 3, padding=1, norm_cfg=norm_cfg),
        ]
    ]
    channels = [w192]
    for rows in INCEPTION_BLOCKS:
        stage = [nn.MaxPool2d(3, 2, 1)]
        c_in = channels[-1]
        for row in rows:
            stage.append(Inception(c_in, [scaled(w, width) for w in row], norm_cfg))
            c_in = stage[-1].out_channels
        stages.append(stage)
        channels.append(c_in)
    return StagedCNN([stem, *stages], channels, **kwargs)
