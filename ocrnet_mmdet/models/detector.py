"""The two-stage detector with one switch for what fine-tuning may change."""

from mmdet.models.detectors import TwoStageDetector
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from torch import Tensor

from ..checkpoint_loader import shown_tensors, unfilled
from ..errors import InputError

SCOPES = ('all', 'aggregator')


@MODELS.register_module()
class OCRNetDetector(TwoStageDetector):
    """mmdet's two-stage detector (it is both Faster and Mask R-CNN) with a fine-tuning scope.

    No slot can hold the switch: whole parts must lose their gradients before
    DistributedDataParallel wraps the model and before the optimiser is built.

    It remembers which of its tensors no weights that were loaded have filled, until it is trained:
    ``init_detector`` and ``DetInferencer`` would score with random ones in silence.

    Args:
        scope: ``'all'`` trains everything; ``'aggregator'`` freezes backbone, neck and RPN head (no
            gradient, norm statistics fixed), so that the RoI head alone is trained.
        kwargs: ``TwoStageDetector``'s arguments.
    """

    def __init__(self, scope: str = 'all', **kwargs) -> None:
        super().__init__(**kwargs)
        self._unfilled: list[str] | None = None  # None until weights are loaded
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

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        missing = unfilled(self, state_dict, prefix)
        self._unfilled = [key for key in missing if self._unfilled is None or key in self._unfilled]

    def forward(
        self, inputs: Tensor, data_samples: list[DetDataSample] | None = None, mode: str = 'tensor'
    ) -> dict | list:
        """As mmdet's, but no prediction by chance.

        Raises:
            InputError: It is to predict with weights that leave a part as it was drawn at random,
                and nothing was trained since.
        """
        if mode == 'loss' and self.training:
            self._unfilled = None
        if mode == 'predict' and self._unfilled:
            raise InputError(
                'the weights that were loaded do not fill '
                f'{shown_tensors(self._unfilled)} of this model, which are random: take '
                'the config and the classes that they were trained with, or train first'
            )
        return super().forward(inputs, data_samples, mode)
