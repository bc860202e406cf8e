"""The encoder F_A: one class and one interface over four families of convolutional nets.

Shape shorthand: B images, C channels, H W pixels.
"""
from collections.abc import Sequence

from mmdet.models.backbones import ResNet
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ..errors import InputError, require
from .staged_cnn import VGG_CONVS, conv8, inception, vgg

RESNET_DEPTHS = (18, 34, 50, 101)
ARCHS = ('conv8', *(f'vgg{d}' for d in VGG_CONVS), *(f'resnet{d}' for d in RESNET_DEPTHS),
         'inception')


@MODELS.register_module()
class OCRNetEncoder(BaseModule):
    """Backbone with maps at strides 4, 8, 16 and 32.

    ResNet is mmdet's own class (so ``init_cfg=dict(type='Pretrained',
    checkpoint='torchvision://resnet50')`` loads); VGG has torchvision's parameter names,
    ``torchvision://vgg16`` without norm layers (``norm_cfg=None``) and ``torchvision://vgg16_bn``
    with BN.

    Args:
        arch: One of ``ARCHS``.
        width: Factor on all channel counts: 0.5 halves them.
        out_indices: Stages whose maps are returned, in [0, 4).
        frozen_stages: -1 freezes nothing, 0 the stem, i the stem and the first i stages.
        norm_cfg: BN, SyncBN or GN.
        norm_eval: Keep batch norm statistics fixed while training.
        with_cp: Recompute activations in the backward pass to save memory.
        init_cfg: Passed to the net underneath.

    Attributes:
        out_channels (tuple[int]): Channels of the returned maps: the neck's ``in_channels``.
    """

    def __init__(self,
                 arch: str = 'resnet50',
                 width: float = 1.0,
                 out_indices: Sequence[int] = (0, 1, 2, 3),
                 frozen_stages: int = -1,
                 norm_cfg: dict | None = dict(type='BN', requires_grad=True),
                 norm_eval: bool = False,
                 with_cp: bool = False,
                 init_cfg: dict | None = None) -> None:
        super().__init__()
        if arch not in ARCHS:
            raise InputError(f'arch is {arch!r}, expected one of {", ".join(ARCHS)}: '
                             'set model.backbone.arch')
        if not set(out_indices) <= set(range(4)) or not -1 <= frozen_stages <= 4:
            raise InputError(f'out_indices={tuple(out_indices)}, frozen_stages={frozen_stages}: the '
                             'encoder has stages 0 to 3, and frozen_stages goes from -1 to 4')
        require('backbone.width', width, low=1 / 64)
        options = dict(out_indices=tuple(out_indices), frozen_stages=frozen_stages,
                       norm_eval=norm_eval, with_cp=with_cp, init_cfg=init_cfg)
        if arch.startswith('resnet'):
            base = int(64 * width)
            self.body = ResNet(int(arch[6:]), base_channels=base, stem_channels=base,
                               norm_cfg=norm_cfg, **options)
            channels = [self.body.block.expansion * base * 2**i for i in range(4)]
        else:
            build = vgg if arch.startswith('vgg') else dict(conv8=conv8, inception=inception)[arch]
            depth = (int(arch[3:]), ) if arch.startswith('vgg') else ()
            self.body = build(*depth, width, norm_cfg, **options)
            channels = self.body.channels
        self.out_channels = tuple(channels[i] for i in out_indices)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps (B, C_i, H / s_i, W / s_i) of pictures ``x`` (B, 3, H, W), strides s of ``out_indices``."""
        # mmcv's CPU roi_align reads channels-last maps wrongly, and any neck may pass the layout
        # on.
        return tuple(level.contiguous() for level in self.body(x))
