"""Whether options of a command line name something; ``data_root``, which the file itself reads."""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmdet.registry
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, Registry
from mmengine.runner import LogProcessor, Runner
from torch.utils.data import DataLoader

from .config_tree import LOADERS, settings
from .errors import InputError, shown
from .models import Aggregator
from .pretraining.monitors import CollapseMonitor
from .pretraining.region_loss import OCRNetRegionLoss
from .pretraining.term_weights import TERMS

# Read beside a class's own arguments, by mmengine's registries, builders and initialisation.
BESIDE = {
    'type',
    '_delete_',
    '_scope_',
    'init_cfg',
    'requires_grad',
    'override',
    'priority',
    'constructor',
    'paramwise_cfg',
    'convert_to_iter_based',
}
# difflib's ratio from which on a name that any dict may have is a misspelt one of its others:
# max_per_image and max_per_img have .86.
TYPO = 0.8
TOP = {'custom_imports', 'tta_model', 'tta_pipeline'}
ROOT_VARIABLE = 'OCRNET_DATA_ROOT'  # of the environment: the shipped configs read data_root from it
LOADER = {'sampler', 'dataset', 'num_batch_per_epoch', 'disable_subprocess_warning'}
HOOKS = {'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'}
# Of dicts without a type, by their key: what reads them.
READERS = dict(
    randomness=Runner.set_randomness,
    log_processor=LogProcessor,
    aggregator=Aggregator,
    region_loss=OCRNetRegionLoss,
    collapse=CollapseMonitor,
)


def read_config(path: str, given: dict[str, object]) -> Config:
    """A config file, in which ``data_root`` takes the place of the data's folder that it ships
    with.

    ``'{{$OCRNET_DATA_ROOT:data/coco}}/'`` in a config is mmengine's own way of asking the
    environment.

    Args:
        given: Options of the command line; of ``data_root`` the value lies in the environment while
            the file is read.

    Raises:
        InputError: It is no path, or the file does not ask for it.
    """
    if 'data_root' not in given:
        return Config.fromfile(path)
    root = given['data_root']
    if not isinstance(root, (str, int)) or isinstance(root, bool) or root == '':
        raise InputError(
            f'data_root is {shown(repr(root), 60)}: give the path of a folder; several belong '
            'into train_dataloader.dataset.data_root'
        )
    text = repr('"' + (str(root).rstrip('/') or '/.'))[2:-1]  # the inside of Python's string
    before = os.environ.get(ROOT_VARIABLE)
    logging.disable(logging.INFO)  # mmengine says that it asked the environment
    # mmengine takes it for a pattern's template
    os.environ[ROOT_VARIABLE] = text.replace('\\', '\\\\')
    try:
        cfg = Config.fromfile(path)
    finally:
        logging.disable(logging.NOTSET)
        os.environ.pop(ROOT_VARIABLE)
        if before is not None:
            os.environ[ROOT_VARIABLE] = before
    return cfg


def check_options(cfg: Config, given: dict[str, object]) -> None:
    """Look at the names of options before they are merged into a config.

    Args:
        given: Options of the command line and their values, not yet in ``cfg``.

    Raises:
        InputError: An option names nothing that the config has or that its class takes; says what
            is nearest. Or a number or a text would take the place of a dict. Or it names a variable
            of the config file, from which others were made when the file was read.
    """
    content = cfg.to_dict()
    for option in given:
        _check_variable(cfg, content, option, given[option])
        _check_option(content, option, given)


def _check_variable(cfg: Config, content: dict, option: str, value: object) -> None:
    """Refuse a name that only the config file reads, unless the file took ``value`` for it."""
    name = option.split('.')[0]
    if name not in content or name in _names(None, None, '')[0]:
        return
    if name == 'data_root' and os.path.normpath(content[name]) == os.path.normpath(str(value)):
        return
    file, line = _set_in(cfg.filename, name) or (cfg.filename, 0)
    fix = (
        f'change line {line} of {file}'
        if file == cfg.filename
        else (
            f'in a config of your own (tools/start.py writes one) set what {file} made of it in '
            f'line {line}'
        )
    )
    read = [
        path for path in _deeper(content, name) if path.split('.')[0] in _names(None, None, '')[0]
    ]
    raise InputError(
        f'option {option}: {name} is a variable from which others are made while the config is '
        f'read, before options count: {fix}' + f', or give {(read or [""])[0]}=...' * bool(read)
    )


def _set_in(path: str, name: str) -> tuple[str, int] | None:
    """File and line that give a variable of a config its value, of itself or of one it inherits
    from.
    """
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        if re.match(rf'{name}\s*=', line):
            return path, number
    bases = [
        os.path.normpath(Config._get_cfg_path(base, path)[0])
        for base in Config._get_base_files(path)
    ]
    return next((place for base in bases if (place := _set_in(base, name))), None)


def _check_option(content: dict, option: str, given: dict) -> None:
    """Follow an option's parts into a config; ``given`` may change a type on the way."""
    node, kind, place, path = content, None, '', ''
    for part in option.split('.'):
        if isinstance(node, list):
            if not (part.isdigit() and int(part) < len(node)):
                raise InputError(
                    f'option {option}: {path} is a list of {len(node)}, {part!r} is '
                    f'none of it: name one by its number, 0 to {len(node) - 1}'
                )
            node = node[int(part)]
        elif not isinstance(node, dict):
            raise InputError(
                f'option {option}: {path} is {shown(repr(node), 60)}, which has no {part!r}: '
                f'give {path} as a whole'
            )
        else:
            outer, kind = kind, given.get(f'{path}.type', node.get('type'))
            names, is_open = _names(outer, kind, place)
            if part not in node and part not in names:
                _refuse_unless_open(content, option, path, part, names | {*node}, is_open)
            node = node.get(part, {})
        place, path = part, f'{path}.{part}'.lstrip('.')
    _check_whole(option, node, given[option])


def _refuse_unless_open(
    content: dict, option: str, path: str, part: str, names: set[str], is_open: bool
) -> None:
    """Of a ``part`` that the dict at ``path`` neither has nor is known to take."""
    if is_open and part and not difflib.get_close_matches(part, names, 1, TYPO):
        return
    near = [f'{path}.{name}'.lstrip('.') for name in difflib.get_close_matches(part, names, 1)]
    deeper = [] if path else _deeper(content, option)
    hint = (
        f'did you mean {(deeper + near)[0]}?'
        if deeper or near
        else f'take one of {", ".join(sorted(names - BESIDE))[:200] or "none"}'
    )
    raise InputError(f'option {option}: there is no {part!r}: {hint}')


def _check_whole(option: str, node: object, value: object) -> None:
    """Of an option that names a dict, or a list of them, what the config has there."""
    parts = node if isinstance(node, (dict, list)) else []
    dicts = isinstance(node, dict) or any(isinstance(part, dict) for part in parts)
    if parts and dicts and isinstance(value, (bool, int, float, str)):
        names = list(node) if isinstance(node, dict) else [str(i) for i, _ in enumerate(parts)]
        raise InputError(
            f'option {option}: {shown(repr(value), 60)} cannot stand where the config has '
            f'several: set one, {option}.{names[0]}=... (of {", ".join(names)[:200]})'
        )


def _names(outer: object, kind: object, place: str) -> tuple[set[str], bool]:
    """Names that a dict may have, and whether it may have others.

    Args:
        outer: ``type`` of the dict that holds it.
        kind: Its own ``type``.
        place: Its key.
    """
    if kind is not None:
        return _arguments(_classes(kind))
    if not place:
        return _arguments([Runner])[0] - BESIDE | TOP, False
    if place in LOADERS:
        return _arguments([DataLoader])[0] | LOADER, False
    if place == 'auto_scale_lr':
        return {'enable', 'base_batch_size'}, False
    if place == 'weights' and outer == 'OCRNetPretrainer':
        return {*TERMS}, False
    if place in READERS:
        return _arguments([READERS[place]])
    return HOOKS if place == 'default_hooks' else set(), True


def _classes(kind: object) -> list:
    """What a ``type`` stands for, in every registry that has it."""
    if not isinstance(kind, str):
        return [kind] if callable(kind) else []
    registries = [r for r in vars(mmdet.registry).values() if isinstance(r, Registry)]
    found = [registry.get(kind) for registry in [*registries, FUNCTIONS]]
    return list({made for made in found if made is not None})


def _arguments(kinds: list) -> tuple[set[str], bool]:
    """Names of the arguments of classes and functions, and whether one takes others."""
    names, is_open = set(BESIDE), not kinds
    for kind in kinds:
        more = False
        for make in _makers(kind):
            parameters = inspect.signature(make).parameters.values()
            names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
            more = any(p.kind == p.VAR_KEYWORD for p in parameters)
            if not more:
                break
        is_open |= more
    return names - {'self'}, is_open


def _makers(kind: Any) -> list[Callable]:
    """A function, or the constructors of a class, its own first: ``**kwargs`` go to the next."""
    if not isinstance(kind, type):
        return [kind]
    return [vars(base)['__init__'] for base in kind.__mro__[:-1] if '__init__' in vars(base)]


def _deeper(content: dict, name: str) -> list[str]:
    """Paths of the settings called ``name`` that lie in others, the outermost first."""
    return sorted(
        (path for path, _, _ in settings(content) if path.endswith(f'.{name}')),
        key=lambda path: path.count('.'),
    )
