"""What a checkpoint says of its training, compared with what it is to be used for."""

from typing import Any

from mmengine.runner import Runner
from mmengine.runner.loops import BaseLoop

from ..checkpoint_config import plain_config
from ..errors import InputError
from ..picture_pipeline import resize_of, scored_steps

SHOWN = 10  # classes that a message lists
SIZES = 2000  # pictures whose sizes stand for all: 0.1 s
FRAME = ('width', 'height')


def is_training(runner: Runner) -> bool:
    return isinstance(runner._train_loop, BaseLoop)


def loop_of(runner: Runner) -> BaseLoop | None:
    """The loop for which weights are loaded: the training's, else the one that scores.

    None before any is built.
    """
    loops = (runner._train_loop, runner._test_loop, runner._val_loop)
    return next((loop for loop in loops if isinstance(loop, BaseLoop)), None)


def classes_of(meta: dict) -> tuple[str, ...] | None:
    """Class names in a checkpoint's ``meta``, or in a data set's, in order; None without any."""
    inner = meta.get('dataset_meta', meta)
    names = inner.get('classes', inner.get('CLASSES')) if isinstance(inner, dict) else None
    names = (names,) if isinstance(names, str) else names
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) and names else None


def picture_side(dataset: Any) -> int | None:
    """Longest side of a data set's largest picture, pixels as its labels state them.

    None where they do not. Of more than ``SIZES`` pictures as many are looked at, evenly spread.
    """
    count = len(dataset) if hasattr(dataset, 'get_data_info') else 0
    infos = (dataset.get_data_info(i) for i in range(0, count, -(-count // SIZES) or 1))
    sides = [max(info['width'], info['height']) for info in infos if info.keys() >= {*FRAME}]
    return max(sides, default=None)


def check_classes(file: str, then: tuple[str, ...], now: tuple[str, ...]) -> None:
    """Hold a checkpoint's classes against the data's.

    Raises:
        InputError: A checkpoint is scored, or its training resumed, with other classes.
    """
    if then == now:
        return
    if sorted(then) == sorted(now):
        fix = (
            f'give them as trained, classes = {then!r} in the config'
            if len(then) <= SHOWN
            else 'give them in the order of the config that its training wrote beside it'
        )
        raise InputError(
            f'{file} was trained on the classes in the order {differing(then, now)}: '
            f'what it finds would get the wrong names: {fix}'
        )
    raise InputError(
        f'{file} was trained on other classes: {differing(then, now)}: take data with '
        'its own, or begin a training on these from its weights, tools/train.py with '
        f'load_from={file}'
    )


def differing(then: tuple[str, ...], now: tuple[str, ...]) -> str:
    """Both lists of classes, or of long ones the first place where they differ."""
    if max(len(then), len(now)) <= SHOWN:
        return f'{_listed(then)}, the config has {_listed(now)}'
    place = next(
        (i for i, pair in enumerate(zip(then, now)) if pair[0] != pair[1]), min(len(then), len(now))
    )
    first, second = (_listed(names[place : place + 1]) for names in (then, now))
    return (
        f'its {len(then)} have {first} at place {place + 1}, the {len(now)} of the config {second}'
    )


def check_test_pictures(file: str, meta: dict, runner: Runner, other_size: bool) -> None:
    """Hold a checkpoint's image scale and colours against those of what is scored.

    Args:
        other_size: Whether another size than the training's is meant, which is then said alone.

    Raises:
        InputError: A checkpoint is scored on pictures that are resized or normalised otherwise than
            those that its training was scored on.
    """
    test = isinstance(runner._test_loop, BaseLoop)
    try:
        then = _pictures(plain_config(meta.get('cfg')), test)
    except (ValueError, TypeError, AttributeError):  # it says nothing that can be read
        return
    now = _pictures(runner.cfg, test)
    before, here = then.pop('scale'), now.pop('scale')
    if before and here and before != here:
        sizes = (
            f'{file} was trained for pictures of up to {_size(before)} px, here they are '
            f'resized to {_size(here)}'
        )
        if not other_size:
            raise InputError(
                f'{sizes}: score it with the config that its training wrote beside it, '
                'or say that the other size is meant, tools/test.py --other-size'
            )
        runner.logger.info(f'{sizes}, as --other-size says')
    for name, value in then.items():
        if None not in (value, now[name]) and value != now[name]:
            raise InputError(
                f"{file} was trained with {name}={value} of the pictures' colours, the "
                f'config has {now[name]}: set --cfg-options '
                f'"model.data_preprocessor.{name}={value}"'
            )


def _pictures(cfg: dict, test: bool) -> dict[str, Any]:
    """How a config resizes what is scored, ``scale`` (W, H) pixels, and normalises it."""
    resize = resize_of(scored_steps(cfg, 'test' if test else 'val'))
    model = cfg.get('model') or {}
    colours = (model.get('module') or model).get('data_preprocessor') or {}
    return dict(
        scale=resize and resize[0],
        mean=_numbers(colours.get('mean')),
        std=_numbers(colours.get('std')),
        bgr_to_rgb=colours.get('bgr_to_rgb'),
    )


def _numbers(values: Any) -> list[float] | None:
    return None if values is None else list(map(float, values))


def _listed(names: tuple[str, ...]) -> str:
    return (
        '('
        + ', '.join(name[:60] if name.isprintable() else ascii(name[:60]) for name in names)
        + ')'
    )


def _size(scale: tuple[int, int]) -> str:
    return ' x '.join(map(str, scale))
