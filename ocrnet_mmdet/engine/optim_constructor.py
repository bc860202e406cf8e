"""Two groups of parameters: tensors that decay, and biases and norms that do not."""

from mmdet.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from mmengine.config import ConfigDict
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import nn

from ..errors import InputError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class OCRNetOptimConstructor:
    """Optimiser of all parameters that take a gradient; tensors of one dimension have no weight
    decay.

    mmengine's own makes a group for every tensor, and logs several lines for each: of a pretrainer
    some thousand, half of them the teacher's.

    Args:
        optim_wrapper_cfg: As mmengine hands it over, with ``optimizer`` in it.
        paramwise_cfg: Accepted because mmengine passes it; nothing may be in it.

    Raises:
        InputError: ``paramwise_cfg`` holds something.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg:
            raise InputError(
                f'OCRNetOptimConstructor reads no paramwise_cfg ({dict(paramwise_cfg)}): set '
                'optim_wrapper.constructor=DefaultOptimWrapperConstructor'
            )
        self.wrapper = dict(optim_wrapper_cfg)
        self.wrapper.setdefault('type', 'OptimWrapper')
        self.optimizer = ConfigDict(self.wrapper.pop('optimizer'))

    def __call__(self, model: nn.Module) -> OptimWrapper:
        model = model.module if is_model_wrapper(model) else model
        trained = [p for p in model.parameters() if p.requires_grad]
        groups = [
            dict(params=[p for p in trained if p.ndim > 1]),
            dict(params=[p for p in trained if p.ndim <= 1], weight_decay=0.0),
        ]
        optimizer = OPTIMIZERS.build(dict(self.optimizer, params=groups))
        return OPTIM_WRAPPERS.build(dict(self.wrapper, optimizer=optimizer))
