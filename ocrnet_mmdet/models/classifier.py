"""A picture's class read off an encoder: global average pooling and one linear layer.

Shape shorthand: B images, C channels, H W pixels, K classes.
"""

import torch.nn.functional as F
from mmdet.registry import MODELS
from mmengine.model import BaseModel
from torch import Tensor, nn

from ..errors import InputError, require


@MODELS.register_module()
class OCRNetClassifier(BaseModel):
    """Cross-entropy classification on the last map of a backbone.

    The backbone's keys are those of a detector's, so that either may begin with the encoder of the
    other: ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.body.')`` of an
    OCRNetEncoder.

    Args:
        backbone: One that has ``out_channels``, such as OCRNetEncoder.
        num_classes: K.
        data_preprocessor: ImgDataPreprocessor, which normalises.
        init_cfg: Passed to BaseModule.
    """

    def __init__(
        self,
        backbone: dict,
        num_classes: int,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if require('model.num_classes', num_classes, int, low=0) < 1:
            raise InputError(
                'model.num_classes is 0: name the classes in a config of your own, as the '
                'head of configs/ocrnet_classification.py shows'
            )
        self.num_classes = num_classes
        self.backbone = MODELS.build(backbone)
        self.fc = nn.Linear(self.backbone.out_channels[-1], num_classes)

    def forward(
        self,
        inputs: Tensor,
        labels: Tensor | None = None,
        mode: str = 'tensor',
        data_samples: None = None,
    ) -> Tensor | dict[str, Tensor] | list[dict]:
        """Logits (B, K) of pictures ``inputs`` (B, 3, H, W) with labels (B,) in [0, K).

        Args:
            mode: ``'tensor'`` gives the logits; ``'loss'`` ``dict(loss, accuracy)``, accuracy in
                [0, 1]; ``'predict'`` a ``dict(logits=(K,), label)`` for each picture, on the CPU.
            data_samples: What mmengine's data preprocessor adds; not used.
        """
        logits = self.fc(self.backbone(inputs)[-1].mean((2, 3)))
        if mode == 'tensor':
            return logits
        if mode == 'predict':
            pairs = zip(logits.float().cpu(), labels)  # type: ignore[arg-type]
            return [dict(logits=row, label=int(label)) for row, label in pairs]
        return dict(
            loss=F.cross_entropy(logits, labels),
            accuracy=(logits.argmax(1) == labels).float().mean(),
        )
