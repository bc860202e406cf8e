"""Whether options of a command line name something, and whether a config's numbers can be meant."""
from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator

import mmdet.registry
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, Registry
from mmengine.runner import LogProcessor, Runner
from torch.utils.data import DataLoader

from .datasets.own_data import KNOBS, LOADERS
from .errors import InputError, require, shown
from .models import Aggregator
from .pretraining.monitors import CollapseMonitor
from .pretraining.region_loss import OCRNetRegionLoss
from .pretraining.term_weights import TERMS

# Read beside a class's own arguments, by mmengine's registries, builders and initialisation.
BESIDE = {'type', '_delete_', '_scope_', 'init_cfg', 'requires_grad', 'override', 'priority',
          'constructor', 'paramwise_cfg', 'convert_to_iter_based'}
# difflib's ratio from which on a name that any dict may have is a misspelt one of its others:
# max_per_image and max_per_img have .86.
TYPO = 0.8
TOP = {*KNOBS, 'custom_imports', 'tta_model', 'tta_pipeline'}
LOADER = {'sampler', 'dataset', 'num_batch_per_epoch', 'disable_subprocess_warning'}
HOOKS = {'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'}
# Of dicts without a type, by their key: what reads them.
READERS = dict(
    randomness=Runner.set_randomness, log_processor=LogProcessor, aggregator=Aggregator,
    region_loss=OCRNetRegionLoss, collapse=CollapseMonitor)


def check_options(cfg: Config, given: dict[str, object]) -> None:
    """
    Args:
        given: Options of the command line and their values, not yet in ``cfg``.

    Raises:
        InputError: An option names nothing that the config has or that its class takes; says what
            is nearest. Or a number or a text would take the place of a dict.
    """
    content = cfg.to_dict()
    for option in given:
        _check_option(content, option, given)


def _check_option(content: dict, option: str, given: dict) -> None:
    """Follow an option's parts into a config; ``given`` may change a type on the way."""
    node, kind, place, path = content, None, '', ''
    for part in option.split('.'):
        if isinstance(node, list):
            if not (part.isdigit() and int(part) < len(node)):
                raise InputError(f'option {option}: {path} is a list of {len(node)}, {part!r} is '
                                 f'none of it: name one by its number, 0 to {len(node) - 1}')
            node = node[int(part)]
        elif not isinstance(node, dict):
            raise InputError(f'option {option}: {path} is {shown(repr(node), 60)}, which has no {part!r}: '
                             f'give {path} as a whole')
        else:
            outer, kind = kind, given.get(f'{path}.type', node.get('type'))
            names, is_open = _names(outer, kind, place)
            if part not in node and part not in names:
                _refuse_unless_open(content, option, path, part, names | {*node}, is_open)
            node = node.get(part, {})
        place, path = part, f'{path}.{part}'.lstrip('.')
    _check_whole(option, node, given[option])


def _refuse_unless_open(content: dict, option: str, path: str, part: str, names: set[str],
                        is_open: bool) -> None:
    """Of a ``part`` that the dict at ``path`` neither has nor is known to take."""
    if is_open and part and not difflib.get_close_matches(part, names, 1, TYPO):
        return
    near = [f'{path}.{name}'.lstrip('.') for name in difflib.get_close_matches(part, names, 1)]
    deeper = [] if path else sorted((other for other in _paths(content)
                                     if other.endswith(f'.{option}')),
                                    key=lambda other: other.count('.'))
    hint = (f'did you mean {(deeper + near)[0]}?' if deeper or near else
            f'take one of {", ".join(sorted(names - BESIDE))[:200] or "none"}')
    raise InputError(f'option {option}: there is no {part!r}: {hint}')


def _check_whole(option: str, node: object, value: object) -> None:
    """Of an option that names a dict, or a list of them, what the config has there."""
    parts = node if isinstance(node, (dict, list)) else []
    dicts = isinstance(node, dict) or any(isinstance(part, dict) for part in parts)
    if parts and dicts and isinstance(value, (bool, int, float, str)):
        names = list(node) if isinstance(node, dict) else [str(i) for i in range(len(node))]
        raise InputError(f'option {option}: {shown(repr(value), 60)} cannot stand where the config has '
                         f'several: set one, {option}.{names[0]}=... (of {", ".join(names)[:200]})')


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


def _makers(kind: object) -> list[Callable]:
    """A function, or the constructors of a class, its own first: ``**kwargs`` go to the next."""
    if not isinstance(kind, type):
        return [kind]
    return [base.__init__ for base in kind.__mro__[:-1] if '__init__' in vars(base)]


def _children(node: object) -> list[tuple]:
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def _paths(node: object, path: str = '') -> Iterator[str]:
    """All paths of a config, of dicts and lists too."""
    for name, child in _children(node):
        here = f'{path}.{name}'.lstrip('.')
        yield here
        yield from _paths(child, here)


# Numbers whose name says what they are, wherever they stand: what fits, as errors.require has it.
WHOLE = dict(
    batch_size=dict(low=1), base_batch_size=dict(low=1), num_workers=dict(low=0),
    prefetch_factor=dict(low=1), accumulative_counts=dict(low=1), max_iters=dict(low=1),
    max_epochs=dict(low=1), val_interval=dict(low=1), seed=dict(low=0, high=2**32 - 1),
    interval=dict(low=-1), max_keep_ckpts=dict(low=-1), begin=dict(low=0), end=dict(low=1),
    T_max=dict(low=1), max_per_img=dict(low=-1), nms_pre=dict(low=-1), frozen_stages=dict(low=-1))
REAL = dict(
    lr=dict(low=0), weight_decay=dict(low=0), max_norm=dict(above=0), loss_weight=dict(low=0),
    eta_min=dict(low=0), start_factor=dict(above=0, high=1), end_factor=dict(low=0),
    score_thr=dict(low=0, high=1), iou_threshold=dict(low=0, high=1),
    mask_thr_binary=dict(low=-1, high=1), pos_fraction=dict(low=0, high=1),
    min_bbox_size=dict(low=-1))
FLAGS = {'resume', 'persistent_workers', 'drop_last', 'pin_memory', 'deterministic',
         'diff_rank_seed', 'enable', 'norm_eval', 'with_cp', 'keep_ratio', 'by_epoch', 'save_last',
         'test_mode', 'with_mask', 'with_bbox', 'cudnn_benchmark', 'shuffle', 'class_agnostic',
         'reg_class_agnostic', 'bgr_to_rgb', 'pad_mask'}
MAY_BE_NONE = {'prefetch_factor', 'seed', 'eta_min'}


def check_values(cfg: Config) -> None:
    """Look at what mmengine and mmdet take as it comes, some of it first at the first validation.

    Raises:
        InputError: A number or a switch cannot be meant: an infinite rate, a batch of no picture.
    """
    _check_values(cfg.to_dict(), '')
    window = (cfg.get('log_processor') or {}).get('window_size', 10)  # elsewhere it may be 'epoch'
    require('log_processor.window_size', window, int, low=1)
    for name in ('load_from', 'work_dir'):
        if not isinstance(cfg.get(name), (str, type(None))):
            raise InputError(f'{name} is {cfg[name]!r}: give a path, in quotes if it is a number')


def _check_values(node: object, path: str) -> None:
    for name, value in _children(node):
        here = f'{path}.{name}'.lstrip('.')
        if isinstance(value, (dict, list)):
            _check_values(value, here)
        elif value is None and name in MAY_BE_NONE:
            continue
        elif name in WHOLE:
            require(here, value, int, **WHOLE[name])
        elif name in REAL:
            require(here, value, **REAL[name])
        elif name in FLAGS and not isinstance(value, bool):
            raise InputError(f'{here} is {shown(repr(value), 60)}: give True or False')
