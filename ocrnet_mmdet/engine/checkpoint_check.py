"""What a checkpoint fills of a model: mmengine loads with ``strict=False`` and is silent if nothing matches."""
from collections import Counter

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmdet.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn

from ..errors import InputError


def match_parts(model: nn.Module, state: dict[str, Tensor]) -> dict[str, tuple[int, int]]:
    """Of each part (first name of a key): tensors that ``state`` holds with their shape, and all."""
    own = model.state_dict()
    total = Counter(key.split('.')[0] for key in own)
    same = Counter(key.split('.')[0] for key, value in own.items()
                   if key in state and state[key].shape == value.shape)
    return {part: (same[part], total[part]) for part in total}


@HOOKS.register_module()
class OCRNetCheckpointCheckHook(Hook):
    """Logs matched / total per part when weights are loaded, and refuses a file that leaves a part empty."""

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """
        Raises:
            InputError: A part of the model matches nothing in the file.
        """
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        parts = match_parts(model, checkpoint.get('state_dict', checkpoint))
        table = ', '.join(f'{part} {same}/{total}' for part, (same, total) in parts.items())
        runner.logger.info(f'checkpoint matches: {table}')
        empty = [part for part, (same, _) in parts.items() if not same]
        if empty:
            raise InputError(
                f'checkpoint {runner._load_from or ""}: nothing in it fits {", ".join(empty)} of this model '
                f'({table}): it is of another architecture; take the config it was trained with, or for '
                'backbone weights alone set model.backbone.init_cfg')
