"""Whether the options of a command line name something, and whether a config's numbers can be meant."""
from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator

import mmdet.registry
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, Registry
from mmengine.runner import LogProcessor, Runner
from torch.utils.data import DataLoader

from .datasets.own_data import KNOBS, LOADERS
from .errors import InputError, require
from .models import Aggregator
from .pretraining.monitors import CollapseMonitor
from .pretraining.probe import Probe
from .pretraining.region_loss import OCRNetRegionLoss
from .pretraining.slots import TERMS

# What is read beside a class's own arguments: by mmengine's registries, builders and weight initialisation.
BESIDE = {'type', '_delete_', '_scope_', 'init_cfg', 'requires_grad', 'override', 'priority', 'constructor',
          'paramwise_cfg', 'convert_to_iter_based'}
TYPO = 0.8  # difflib's ratio from which on a new name is taken for a misspelt one: max_per_image, max_per_img is .86
LOADER = {'sampler', 'dataset', 'num_batch_per_epoch', 'disable_subprocess_warning'}
HOOKS = {'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'}


def check_options(cfg: Config, given: Iterable[str]) -> None:
    """
    Raises:
        InputError: An option names nothing that the config has or that its class takes; says what is nearest.
    """
    content, given = cfg.to_dict(), dict(given)
    for option in given:
        _check_option(content, option, given)


def _check_option(content: dict, option: str, given: dict) -> None:
    """Follow the parts of an option into a config; ``given`` may change the type of a part on the way."""
    node, kind, place, path = content, None, '', ''
    for part in option.split('.'):
        if isinstance(node, list):
            if not (part.isdigit() and int(part) < len(node)):
                raise InputError(f'option {option}: {path} is a list of {len(node)}, {part!r} is none of it: name one by '
                                 f'its number, 0 to {len(node) - 1}')
            node = node[int(part)]
        elif not isinstance(node, dict):
            raise InputError(f'option {option}: {path} is {_short(node)}, which has no {part!r}: give {path} as a whole')
        else:
            outer, kind = kind, given.get(f'{path}.type', node.get('type'))
            if part not in node:
                _check_new(content, option, part, {*node}, *_names(outer, kind, place))
            node = node.get(part, {})
        place, path = part, f'{path}.{part}'.lstrip('.')


def _check_new(content: dict, option: str, part: str, siblings: set[str], known: set[str], is_open: bool) -> None:
    """Of a name that its dict does not have yet."""
    if part in known or is_open and part and not difflib.get_close_matches(part, known | siblings, 1, TYPO):
        return
    near = difflib.get_close_matches(part, known | siblings, 1)
    deeper = [] if '.' in option else [path for path in _paths(content) if path.endswith(f'.{part}')]
    if near or deeper:
        meant = option[:len(option) - len(option.partition(part)[2]) - len(part)] + near[0] if near else deeper[0]
        raise InputError(f'option {option}: there is no {part!r}: did you mean {min(deeper, key=len) if deeper else meant}?')
    names = sorted((known | siblings) - BESIDE)
    raise InputError(f'option {option}: there is no {part!r}: take one of {", ".join(names)[:200]}')


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
        return {*_arguments([Runner])[0], *KNOBS, 'custom_imports', 'tta_model', 'tta_pipeline'} - BESIDE, False
    if place in LOADERS:
        return _arguments([DataLoader])[0] | LOADER, False
    places = dict(randomness=Runner.set_randomness, log_processor=LogProcessor, aggregator=Aggregator,
                  region_loss=OCRNetRegionLoss, collapse=CollapseMonitor, probe=Probe)
    if place in places:
        return _arguments([places[place]])
    fixed = dict(auto_scale_lr={'enable', 'base_batch_size'}, weights={*TERMS} if outer == 'OCRNetPretrainer' else None)
    if fixed.get(place):
        return fixed[place], False
    return (HOOKS if place == 'default_hooks' else set()), True


def _classes(kind: object) -> list:
    """What a ``type`` stands for, in every registry that has it."""
    if not isinstance(kind, str):
        return [kind]
    registries = [r for r in vars(mmdet.registry).values() if isinstance(r, Registry)] + [FUNCTIONS]
    return list({found for found in (registry.get(kind) for registry in registries) if found is not None})


def _arguments(kinds: Iterable) -> tuple[set[str], bool]:
    """Names of the arguments of classes and functions, and whether one takes any others too; any of none."""
    names, is_open = set(BESIDE), not kinds
    for kind in kinds:
        open_ended = False
        for make in _makers(kind):
            parameters = inspect.signature(make).parameters.values()
            names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
            open_ended = any(p.kind == p.VAR_KEYWORD for p in parameters)
            if not open_ended:
                break
        is_open |= open_ended
    return names - {'self'}, is_open


def _makers(kind: object) -> Iterator:
    if not isinstance(kind, type):
        yield kind
    for base in kind.__mro__[:-1] if isinstance(kind, type) else ():
        if '__init__' in vars(base):
            yield base.__init__


def _paths(node: object, path: str = '') -> Iterator[str]:
    """All paths of a config down to its leaves."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in items:
        here = f'{path}.{name}'.lstrip('.')
        yield here
        yield from _paths(child, here)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f'{text[:56]} ...'


# Numbers whose name says what they are, wherever they stand: what fits, as errors.require has it.
WHOLE = dict(
    batch_size=dict(low=1), base_batch_size=dict(low=1), num_workers=dict(low=0), prefetch_factor=dict(low=1),
    accumulative_counts=dict(low=1), max_iters=dict(low=1), max_epochs=dict(low=1), val_interval=dict(low=1),
    seed=dict(low=0, high=2**32 - 1), interval=dict(low=-1), max_keep_ckpts=dict(low=-1), begin=dict(low=0),
    end=dict(low=1), T_max=dict(low=1), max_per_img=dict(low=-1), nms_pre=dict(low=-1), frozen_stages=dict(low=-1))
REAL = dict(
    lr=dict(low=0), weight_decay=dict(low=0), max_norm=dict(above=0), loss_weight=dict(low=0), eta_min=dict(low=0),
    start_factor=dict(above=0, high=1), end_factor=dict(low=0), score_thr=dict(low=0, high=1),
    iou_threshold=dict(low=0, high=1), mask_thr_binary=dict(low=-1, high=1), pos_fraction=dict(low=0, high=1),
    min_bbox_size=dict(low=-1))
FLAGS = ('resume', 'persistent_workers', 'drop_last', 'pin_memory', 'deterministic', 'diff_rank_seed', 'enable',
         'norm_eval', 'with_cp', 'keep_ratio', 'by_epoch', 'save_last', 'test_mode', 'with_mask', 'with_bbox',
         'cudnn_benchmark', 'shuffle', 'reg_class_agnostic', 'class_agnostic', 'bgr_to_rgb', 'pad_mask')
MAY_BE_NONE = ('prefetch_factor', 'seed', 'eta_min')


def check_values(cfg: Config) -> None:
    """Look at numbers and switches that mmengine and mmdet take as they come, some first at the first validation.

    Raises:
        InputError: One of them cannot be meant: an infinite rate, a batch of no picture, a switch that is text.
    """
    _check_values(cfg.to_dict(), '')
    for name in ('load_from', 'work_dir'):
        if not isinstance(cfg.get(name), (str, type(None))):
            raise InputError(f'{name} is {cfg[name]!r}: give a path, in quotes if it is a number: {name}="\'{cfg[name]}\'"')


def _check_values(node: object, path: str) -> None:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in items:
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
            raise InputError(f'{here} is {value!r}: give True or False')
