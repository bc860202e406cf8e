"""The two-stage detector with one switch for what fine-tuning may change."""
from mmdet.models.detectors import TwoStageDetector
from mmdet.registry import MODELS

from ..errors import InputError

SCOPES = ('all', 'aggregator')


@MODELS.register_module()
class OCRNetDetector(TwoStageDetector):
    """mmdet's two-stage detector (it is both Faster and Mask R-CNN) with a fine-tuning scope.

    No slot can hold the switch: whole parts must lose their gradients before
    DistributedDataParallel wraps the model and before the optimiser is built.

    Args:
        scope: ``'all'`` trains everything; ``'aggregator'`` freezes backbone, neck and RPN head (no
            gradient, norm statistics fixed), so that the RoI head alone is trained.
        kwargs: ``TwoStageDetector``'s arguments.
    """

    def __init__(self, scope: str = 'all', **kwargs) -> None:
        super().__init__(**kwargs)
        if scope not in SCOPES:
            raise InputError(f'scope is {scope!r}, expected one of {SCOPES}: set model.scope')
        frozen = ('backbone', 'neck', 'rpn_head') if scope == 'aggregator' else ()
        self._frozen = [part for part in frozen if hasattr(self, part)]
        for part in self._frozen:
            getattr(self, part).requires_grad_(False)

    def train(self, mode: bool = True) -> 'OCRNetDetector':
        super().train(mode)
        for part in self._frozen:
            getattr(self, part).eval()
        return self
