"""What a checkpoint says of its training, compared with what it is to be used for."""
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from mmengine.runner.loops import BaseLoop

from ..checkpoint_config import plain_config
from ..datasets.own_data import datasets_of
from ..errors import InputError

SHOWN = 10  # classes that a message lists


def loop_of(runner: Runner) -> BaseLoop | None:
    """The loop for which weights are loaded: the training's, else the one that scores; None before any is built."""
    loops = (runner._train_loop, runner._test_loop, runner._val_loop)
    return next((loop for loop in loops if isinstance(loop, BaseLoop)), None)


def is_training(runner: Runner) -> bool:
    return isinstance(runner._train_loop, BaseLoop)


def classes_of(meta: dict) -> tuple[str, ...] | None:
    """The class names in a checkpoint's ``meta``, or in a data set's, in their order; None where there are none."""
    inner = meta.get('dataset_meta', meta)
    names = inner.get('classes', inner.get('CLASSES')) if isinstance(inner, dict) else None
    names = (names, ) if isinstance(names, str) else names
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) and names else None


def check_classes(file: str, then: tuple[str, ...], now: tuple[str, ...]) -> None:
    """
    Raises:
        InputError: A checkpoint is scored, or its training resumed, with other classes than it was trained on.
    """
    if then == now:
        return
    if sorted(then) == sorted(now):
        fix = (f'give them as trained, --cfg-options classes="{_option(then)}"' if len(then) <= SHOWN else
               'give them in the order of the config that its training wrote beside it')
        raise InputError(f'{file} was trained on the classes in the order {differing(then, now)}: what it finds would '
                         f'get the wrong names: {fix}')
    raise InputError(f'{file} was trained on other classes: {differing(then, now)}: take data with its own, or begin a '
                     f'training on these from its weights, tools/train.py with load_from={file}')


def differing(then: tuple[str, ...], now: tuple[str, ...]) -> str:
    """Both lists of classes, or of long ones the first place where they differ."""
    if max(len(then), len(now)) <= SHOWN:
        return f'{_listed(then)}, the config has {_listed(now)}'
    place = next((i for i, pair in enumerate(zip(then, now)) if pair[0] != pair[1]), min(len(then), len(now)))
    shown = [_listed(names[place:place + 1]) for names in (then, now)]
    return f'its {len(then)} have {shown[0]} at place {place + 1}, the {len(now)} of the config {shown[1]}'


def check_test_pictures(file: str, meta: dict, runner: Runner, other_size: bool) -> None:
    """
    Args:
        other_size: Whether another size than the training's is meant, which is then said alone.

    Raises:
        InputError: A checkpoint is scored on pictures that are resized or normalised otherwise than those that its
            training was scored on.
    """
    try:
        then = plain_config(meta.get('cfg'))
    except ValueError:
        return
    before, here = _test_scale(then, runner), _test_scale(runner.cfg, runner)
    if before and here and before != here:
        sizes = f'{file} was trained for pictures of up to {_size(before)} px, here they are resized to {_size(here)}'
        if not other_size:
            raise InputError(f'{sizes}: score it as trained, --cfg-options image_scale={_knob(before)}, or say that the '
                             f'other size is meant, image_scale={_knob(here)}')
        runner.logger.info(f'{sizes}, as the options say')
    for name in ('mean', 'std', 'bgr_to_rgb'):
        before, here = _normalisation(then, name), _normalisation(runner.cfg, name)
        if before is not None and here is not None and before != here:
            raise InputError(f'{file} was trained with {name}={before} of the pictures\' colours, the config has {here}: set '
                             f'--cfg-options "model.data_preprocessor.{name}={before}"')


def _test_scale(cfg: dict, runner: Runner) -> tuple[int, int] | None:
    """(W, H) to which a config resizes what is scored."""
    names = ('test_dataloader', 'val_dataloader')
    loaders = [cfg.get(name) for name in (names if isinstance(runner._test_loop, BaseLoop) else reversed(names))]
    for dataset in datasets_of(next((loader for loader in loaders if isinstance(loader, dict)), None)):
        for step in dataset.get('pipeline') or []:
            if str(step.get('type')).endswith('Resize') and step.get('scale'):
                scale = step['scale']
                return (scale, scale) if isinstance(scale, int) else tuple(scale)
    return None


def _normalisation(cfg: dict | ConfigDict, name: str) -> object:
    model = cfg.get('model') or {}
    value = ((model.get('module') or model).get('data_preprocessor') or {}).get(name)
    return list(map(float, value)) if isinstance(value, (list, tuple)) else value


def _listed(names: tuple[str, ...]) -> str:
    return '(' + ', '.join(name[:60] if name.isprintable() else ascii(name[:60]) for name in names) + ')'


def _option(names: tuple[str, ...]) -> str:
    return '(' + ','.join(map(repr, names)) + (',)' if len(names) == 1 else ')')


def _size(scale: tuple[int, int]) -> str:
    return ' x '.join(map(str, scale))


def _knob(scale: tuple[int, int]) -> str:
    return str(scale[0]) if len(set(scale)) == 1 else ','.join(map(str, scale))
