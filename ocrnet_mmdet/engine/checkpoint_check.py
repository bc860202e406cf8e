"""What a checkpoint fills of a model: mmengine loads with ``strict=False`` and is silent if nothing
matches.
"""

import re
from collections import Counter, OrderedDict

import torch
from mmdet.models import SingleStageDetector
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from ..checkpoint_loader import shown_tensors, unfilled
from ..errors import InputError
from .resume_check import check_resume, resumed_file
from .trained_as import (
    check_classes,
    check_test_pictures,
    classes_of,
    differing,
    is_training,
    loop_of,
)

# the last layers of box and mask branch, the only ones whose size depends on the classes but the
# classifier
AGNOSTIC = ('roi_head.bbox_head.fc_reg.', 'roi_head.mask_head.conv_logits.')
PRETRAINING = 'ocrnet_pretrain'  # key of a pretraining's hooks' state in a checkpoint
TEACHER = 'teacher.'  # prefix of what a pretraining's own checkpoint hands over
LEFT_OUT = ('roi_head.bbox_head.fc_cls.', 'data_preprocessor')  # of a detector that is handed over


def match_parts(model: nn.Module, state: dict[str, Tensor]) -> dict[str, tuple[int, int]]:
    """Of each part: tensors that ``state`` holds with their shape, and all.

    A part is the first name of a key, of the RoI head's the first two.
    """
    own = model.state_dict()
    total = Counter(map(_part, own))
    same = Counter(
        _part(key)
        for key, value in own.items()
        if getattr(state.get(key), 'shape', None) == value.shape
    )
    return {part: (same[part], total[part]) for part in total}


def _part(key: str) -> str:
    names = key.split('.')
    return '.'.join(names[: 2 if names[0] == 'roi_head' else 1])


def check_parts(model: nn.Module, state: dict[str, Tensor], runner: Runner) -> None:
    """Log what of each part ``state`` holds.

    Raises:
        InputError: A part of the model matches nothing.
    """
    parts = match_parts(model, state)
    table = ', '.join(f'{part} {same}/{total}' for part, (same, total) in parts.items())
    runner.logger.info(f'checkpoint matches: {table}')
    empty = [part for part, (same, _) in parts.items() if not same]
    if empty:
        raise InputError(
            f'checkpoint {runner._load_from or ""}: nothing in it fits {", ".join(empty)} of this '
            f'model ({table}): it is of another architecture; take the config it was trained '
            'with, or for backbone weights alone set model.backbone.init_cfg'
        )


def teacher_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a pretraining hands over of its weights: the teacher under the detector's own keys,
    without the classifier, which was not trained.
    """
    weights = {
        key.removeprefix(TEACHER): value for key, value in state.items() if key.startswith(TEACHER)
    }
    return {key: value for key, value in weights.items() if not key.startswith(LEFT_OUT)}


def with_own_head(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` of a two-stage detector as a one-stage one loads it, mmdet's ``RPN`` for one: the
    region head is its ``bbox_head``.
    """
    if not isinstance(model, SingleStageDetector) or any(
        key.startswith('bbox_head.') for key in state
    ):
        return state
    return {re.sub(r'^rpn_head\.', 'bbox_head.', key): value for key, value in state.items()}


def repeat_agnostic(model: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Give every class of ``model`` the class-agnostic last layers of box and mask that ``state``
    has.

    A detector pretrained without labels has one row group for all classes; a class-specific one
    starts each class from it. Changes ``state``.

    Returns:
        The keys that were repeated.
    """
    repeated = []
    for key, own in model.state_dict().items():
        given = state.get(key)
        if given is None or not key.startswith(AGNOSTIC) or given.shape == own.shape:
            continue
        if given.shape[1:] == own.shape[1:] and len(own) % len(given) == 0:
            state[key] = torch.cat([given] * (len(own) // len(given)))
            repeated.append(key)
    return repeated


def check_complete(model: nn.Module, state: dict[str, Tensor], file: str, exactly: bool) -> None:
    """Hold a checkpoint's tensors against the model's.

    Args:
        exactly: Whether ``state`` may not hold more than the model has, as the optimiser's beside
            it.

    Raises:
        InputError: A tensor of the model would stay as it was drawn at random.
    """
    missing = unfilled(model, state)
    if missing:
        raise InputError(
            f'{file} does not fill {shown_tensors(missing)} of this model, which would '
            'stay random: take the config and the classes that it was trained with, or '
            f'train from it, tools/train.py with load_from={file}'
        )
    more = state.keys() - model.state_dict().keys()
    if exactly and more:
        raise InputError(
            f'{file} holds {shown_tensors(sorted(more))} beyond this model: resume with '
            'the config that it was trained with, or begin a new run from its weights, '
            f'load_from={file}'
        )


def fitted(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of ``model``: those of ``state`` where they fit, else its own.

    mmengine, which would list the differences once more, finds none.
    """
    missing = {*unfilled(model, state)}
    filled = OrderedDict(
        (key, own if key in missing else state.get(key, own))
        for key, own in model.state_dict().items()
    )
    filled._metadata = getattr(state, '_metadata', OrderedDict())  # type: ignore[attr-defined]
    return filled


@HOOKS.register_module()
class OCRNetCheckpointCheckHook(Hook):
    """Compares a checkpoint with the model and with what it says of its training.

    Scored or resumed, it is refused if it leaves a tensor unfilled or was trained on other classes
    or in another order; scored, also if the pictures are of another size or normalised otherwise;
    resumed, also if it holds more. A training from it is refused if a part matches nothing, and is
    told what begins anew and that the classes are others.

    The layers of a file pretrained without labels that are class-agnostic there and not here are
    repeated for every class. A checkpoint of the pretraining itself, of a run that was stopped,
    gives its teacher. One that was not ready to be fine-tuned from is warned of.

    Args:
        other_size: Whether scoring at another size of the pictures than the checkpoint's own is
            meant.
    """

    def __init__(self, other_size: bool = False) -> None:
        self.other_size = other_size

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check, and change to what fits, what was read from a checkpoint.

        Raises:
            InputError: See the class, :func:`check_parts` and :func:`.resume_check.check_resume`.
        """
        check_resume(runner, checkpoint)
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        state = checkpoint.get('state_dict', checkpoint)
        meta = checkpoint.get('meta', {})
        without_labels = meta.get('pretrained_without_labels')
        if PRETRAINING in checkpoint and not hasattr(model, 'teacher'):
            state = teacher_weights(state)
            without_labels = True
        state = with_own_head(model, state)
        if without_labels:
            for key in repeat_agnostic(model, state):
                runner.logger.info(f'checkpoint: {key} is class-agnostic, repeated for every class')
        check_parts(model, state, runner)
        if meta.get('untrained'):
            runner.logger.info(
                'checkpoint: its pretraining did not train ' + ', '.join(meta['untrained'])
            )
        if meta.get('ready') is False and is_training(runner):
            runner.logger.warning(
                f'checkpoint: {runner._load_from} is not ready: its pretraining ended before the '
                'box branch had learnt, this training may come out worse than from random weights: '
                'pretrain for more steps (docs/pretraining.md)'
            )
        if loop_of(runner):
            self._compare(runner, model, state, meta)
            state = fitted(model, state)
        checkpoint['state_dict'] = state

    def _compare(
        self, runner: Runner, model: nn.Module, state: dict[str, Tensor], meta: dict
    ) -> None:
        file, training = resumed_file(runner) or 'the checkpoint', is_training(runner)
        data = loop_of(runner).dataloader.dataset  # type: ignore[union-attr]
        then, now = classes_of(meta), classes_of(getattr(data, 'metainfo', {}))
        if training and not runner._resume:
            anew = unfilled(model, state)
            if anew:
                runner.logger.info(
                    'checkpoint: not in it in this size, begins anew: ' + shown_tensors(anew)
                )
            if then and now and then != now:
                runner.logger.warning(
                    f'checkpoint: trained on other classes: {differing(then, now)}: '
                    + (
                        'the classifier begins anew'
                        if len(then) != len(now)
                        else 'each class begins with the weights of the one at its place'
                    )
                )
            return
        if then and now:
            check_classes(file, then, now)
        check_complete(model, state, file, exactly=training)
        if not training:
            check_test_pictures(file, meta, runner, self.other_size)
