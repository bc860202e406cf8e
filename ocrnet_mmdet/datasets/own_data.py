"""The knobs on top of a config (``data_root``, ``classes``, ...), carried to all that repeats them.

mmengine computes a config's variables when it reads the file: a config that inherits, or
``--cfg-options data_root=...``, changes the variable and nothing that was made from it.
:func:`apply_data_knobs` and :func:`apply_run_knobs` close that gap.
"""
import ast
from collections.abc import Iterator
from os.path import join
from pathlib import Path

from mmengine.config import Config, ConfigDict

from ..errors import InputError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')
# The step of a pipeline and its argument that each size is.
SIZES = dict(view_size=dict(OCRNetTwoViews='size'), crop_size=dict(RandomCrop='crop_size'),
             image_scale=dict(Resize='scale', RandomResize='scale'))
RUN_KNOBS = ('batch_size', 'max_iters', *SIZES)
KNOBS = ('data_root', 'classes', 'train_ann', 'val_ann', 'img_dir', 'with_mask')


def apply_data_knobs(cfg: Config) -> None:
    """Write those of ``KNOBS`` that the config has at its top level into data sets, evaluators and heads.

    A config without them, any of mmdet's, stays as it is.
    """
    knobs = {name: cfg[name] for name in KNOBS if name in cfg}
    for loader in LOADERS:
        for dataset in datasets_of(cfg.get(loader)):
            _set_dataset(dataset, knobs, 'train_ann' if loader.startswith('train') else 'val_ann')
    for name, loader in zip(EVALUATORS, LOADERS[1:]):
        for evaluator in _as_list(cfg.get(name)):
            _set_evaluator(evaluator, cfg, loader, knobs)
    if 'classes' in knobs:
        set_num_classes(cfg.model, len(knobs['classes']))
    if knobs.get('with_mask') is False:
        drop_masks(cfg)


def own_run_knobs(path: str, cfg: Config) -> dict:
    """Those of ``RUN_KNOBS`` that a config file which inherits sets itself.

    A file that inherits from none, mmengine's dump of a run among them, has said everything itself.
    """
    if not path.endswith('.py'):
        return {}
    assigned = {target.id for node in ast.parse(Path(path).read_text()).body
                if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    return {name: cfg[name] for name in RUN_KNOBS if name in assigned} if '_base_' in assigned else {}


def apply_run_knobs(cfg: Config, given: dict) -> None:
    """Write ``RUN_KNOBS`` to where they count, if the config has them on top.

    ``max_iters`` stretches the learning rate's schedule.

    Args:
        given: By the config file or the command line. An inherited knob is not among them: the file may
            have set what it stands for.
    """
    given = {name: given[name] for name in RUN_KNOBS if name in given and name in cfg}
    if 'batch_size' in given:
        cfg.train_dataloader.batch_size = given['batch_size']
    if 'max_iters' in given:
        set_max_iters(cfg, given['max_iters'])
    for loader in LOADERS:
        for dataset in datasets_of(cfg.get(loader)):
            for step in dataset.get('pipeline') or []:
                for knob in SIZES.keys() & given.keys():
                    if step.type in SIZES[knob]:
                        name = SIZES[knob][step.type]
                        step[name] = given[knob] if knob == 'view_size' else _size(knob, given[knob])


def _size(knob: str, value: object) -> tuple[int, int]:
    """A size as mmcv's transforms want it, from ``256``, ``256,256`` or ``"(256,256)"``.

    Raises:
        InputError: It is none of these.
    """
    sides = (value, value) if isinstance(value, int) else value
    if not (isinstance(sides, (tuple, list)) and len(sides) == 2
            and all(isinstance(side, int) and side > 0 for side in sides)):
        raise InputError(f'{knob} is {value!r}: give one side or two, {knob}=256 or {knob}=512,256')
    return tuple(sides)


def set_max_iters(cfg: Config, steps: int) -> None:
    """Train for ``steps`` iterations, with the schedule that the config has for its own."""
    before = cfg.train_cfg.max_iters
    if steps == before:
        return
    never = cfg.train_cfg.val_interval > before
    cfg.train_cfg.val_interval = steps + 1 if never else min(cfg.train_cfg.val_interval, steps)
    cfg.train_cfg.max_iters = steps
    for schedule in cfg.param_scheduler:
        for name in {'begin', 'end', 'T_max'} & schedule.keys():
            schedule[name] = schedule[name] and max(1, round(schedule[name] * steps / before))
    cfg.param_scheduler = [s for s in cfg.param_scheduler if s.begin < s.end]


def drop_masks(cfg: Config) -> None:
    """A detector of boxes alone, scored on boxes alone."""
    cfg.model.roi_head.mask_head = None
    cfg.model.roi_head.mask_roi_extractor = None
    for name in EVALUATORS:
        for evaluator in _as_list(cfg.get(name)):
            evaluator.metric = ['bbox']


def datasets_of(node: ConfigDict | None) -> Iterator[ConfigDict]:
    """The innermost dataset configs of a dataloader or of nested dataset wrappers."""
    if node is None:
        return
    inner = _as_list(node.get('dataset')) + _as_list(node.get('datasets'))
    if not inner:
        yield node
    for child in inner:
        yield from datasets_of(child)


def set_num_classes(node: ConfigDict, count: int) -> None:
    """Set ``num_classes`` of every head in a model config but the class-agnostic RPN's."""
    for key, child in node.items():
        if key == 'num_classes':
            node[key] = count
        elif key != 'rpn_head':
            for part in _as_list(child):
                if isinstance(part, dict):
                    set_num_classes(part, count)


def _as_list(value) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]


def _set_dataset(dataset: ConfigDict, knobs: dict, ann_knob: str) -> None:
    if 'data_root' in knobs:
        dataset.data_root = knobs['data_root']
    if ann_knob in knobs:
        dataset.ann_file = knobs[ann_knob]
    if 'img_dir' in knobs:
        dataset.data_prefix.img = knobs['img_dir']
    if 'classes' in knobs:
        dataset.metainfo = dict(classes=tuple(knobs['classes']))
    for step in dataset.get('pipeline', []) if 'with_mask' in knobs else []:
        if step.type == 'LoadAnnotations':
            step.with_mask = knobs['with_mask']


def _set_evaluator(evaluator: ConfigDict, cfg: Config, loader: str, knobs: dict) -> None:
    dataset = next(datasets_of(cfg[loader]))
    if 'ann_file' not in evaluator:
        return
    evaluator.ann_file = join(dataset.get('data_root') or '', dataset.ann_file)
