"""The knobs on top of a config (``data_root``, ``classes``, ...), carried to all that repeats them.

mmengine computes a config's variables when it reads the file: a config that inherits, or
``--cfg-options data_root=...``, changes the variable and nothing that was made from it.
:func:`apply_knobs` closes that gap.
"""
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from os.path import join

from mmengine.config import Config, ConfigDict

from ..errors import InputError, require

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')
# The step of a pipeline and its argument that each size is.
SIZES = dict(view_size=dict(OCRNetTwoViews='size'), crop_size=dict(RandomCrop='crop_size'),
             image_scale=dict(Resize='scale', RandomResize='scale'))
ZOOM = (0.7, 1.4)  # of a training picture's size in configs/_base_/small_data.py, its ratio_range
# Pixels of a fine-tuning picture that one of the picture in which regions are discovered spans: with
# the 3 that 128 px make of nuclei, boxes and segments are too coarse for a view.
SPAN = 1.5
RECIPE = dict(area=(0.5, 1.0), size=128)  # of configs/_base_/pretrain.py
# Data sets of pictures alone, without classes; a seed makes their order and variations.
SEEDED = ('OCRNetImageFolder', 'OCRNetImageShards')
# Parts whose num_classes is no count of the data set's: 1, ImageNet's, COCO stuff's.
OTHER_CLASSES = ('rpn_head', 'backbone', 'semantic_head')
KNOBS = ('data_root', 'classes', 'train_ann', 'val_ann', 'img_dir', 'with_mask', 'batch_size', 'max_iters',
         *SIZES)
PATHS, NUMBERS = ('data_root', 'train_ann', 'val_ann', 'img_dir'), ('batch_size', 'max_iters', 'view_size')


def apply_knobs(cfg: Config, given: dict = dict()) -> None:
    """Write ``KNOBS`` to where they count.

    What the config sets there in mmdet's own way stands. ``max_iters`` stretches the learning rate's
    schedule; heads follow ``classes``. Of a pretraining ``image_scale`` is that of the fine-tuning to come, see
    :func:`match_views`.

    Args:
        given: Of the command line: a knob among it counts everywhere. One that a file sets takes the
            place of the value that it had in the files below.
    """
    written = knobs_of_files(cfg.filename) if cfg.filename else {}
    given = {name: _normal(name, value) for name, value in given.items() if name in KNOBS}
    cfg.merge_from_dict(given)
    knobs = {name: _normal(name, cfg[name]) for name in KNOBS if name in cfg}

    def counts(name: str, current: object) -> bool:
        return name in knobs and current != knobs[name] and (
            name in given or current in written.get(name, ()))

    following = [step for dataset in datasets_of(cfg.get(LOADERS[0])) for step in dataset.get('pipeline') or []
                 if 'image_scale' in given or _follows(step, written.get('image_scale', ()))]
    for loader in LOADERS:
        _set_loader(cfg, loader, knobs, counts)
    if 'image_scale' in knobs:
        match_views(following, max(knobs['image_scale']))
    if counts('max_iters', (cfg.get('train_cfg') or {}).get('max_iters')):
        set_max_iters(cfg, knobs['max_iters'])
    if 'classes' in knobs and _classes_of(cfg) == knobs['classes']:
        set_num_classes(cfg.model, len(knobs['classes']))
    if knobs.get('with_mask') is False:
        drop_masks(cfg)


def match_views(steps: list[ConfigDict], image_scale: int) -> None:
    """Let a pretraining's views show things as large as fine-tuning does, and discover regions as finely.

    A view then shows the share of a square picture that a crop of its size shows of one that is resized to
    ``image_scale`` times 0.7 to 1.4.

    Args:
        steps: Of a pipeline; others than those two stay as they are.
        image_scale: Longest side that fine-tuning resizes a picture to, before its zoom, pixels.
    """
    for step in steps:
        step.update(_matching(step, image_scale))


def _matching(step: ConfigDict, image_scale: int) -> dict:
    """What :func:`match_views` sets in a step."""
    if step.type == 'OCRNetTwoViews':
        return dict(area=tuple(min((step.size / (image_scale * zoom))**2, 1.0) for zoom in reversed(ZOOM)))
    return dict(size=round(image_scale / SPAN)) if step.type == 'OCRNetDiscoverRegions' else {}


def _follows(step: ConfigDict, scales: Iterable[tuple[int, int]]) -> bool:
    """Whether what a step has there is its own default or what one of ``scales`` gave it."""
    made = [_matching(step, max(scale)) for scale in scales]
    here = {name: _plain(step.get(name)) for name in _matching(step, 1)}
    return here in [dict.fromkeys(here), {name: RECIPE[name] for name in here}, *made]


def carry_seed(cfg: Config) -> None:
    """Pictures without labels follow ``randomness.seed``, unless they have a seed of their own."""
    seed = (cfg.get('randomness') or {}).get('seed')
    for dataset in datasets_of(cfg.get('train_dataloader')):
        if dataset.get('type') in SEEDED and seed is not None:
            dataset.setdefault('seed', seed)


def knobs_of_files(path: str) -> dict[str, list]:
    """Values that ``KNOBS`` have in a config file and in those from which it inherits, at any depth."""
    values = defaultdict(list)
    for base in Config._get_base_files(path):
        for name, more in knobs_of_files(Config._get_cfg_path(base, path)[0]).items():
            values[name] += more
    cfg = Config.fromfile(path)
    for name in set(KNOBS) & cfg.keys():
        values[name].append(_normal(name, cfg[name]))
    return values


def _normal(name: str, value: object) -> object:
    """A knob's value in one form, however it was written.

    Raises:
        InputError: It is no size or no whole number.
    """
    if name == 'classes':
        return tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value), )
    if name in PATHS:
        if not isinstance(value, (str, int, list, tuple)) or isinstance(value, bool):
            raise InputError(f'{name} is {value!r}: give a path, in quotes where it is a number')
        return str(value) if isinstance(value, int) else value
    if name in NUMBERS:
        return require(name, value, int, above=0)
    return _size(name, value) if name in ('crop_size', 'image_scale') else value


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _size(knob: str, value: object) -> tuple[int, int]:
    """A size as mmcv's transforms want it, from ``256``, ``256,256`` or ``"(256,256)"``.

    Raises:
        InputError: It is none of these.
    """
    sides = (value, value) if isinstance(value, int) else value
    if not (isinstance(sides, (tuple, list)) and len(sides) == 2
            and all(type(side) is int and side > 0 for side in sides)):
        raise InputError(f'{knob} is {value!r}: give one side or two, {knob}=256 or {knob}=512,256')
    return tuple(sides)


def set_max_iters(cfg: Config, steps: int) -> None:
    """Train for ``steps`` iterations, with the schedule that the config has for its own.

    Checkpoint and validation come at least ten times, where the config has any before the end.

    Raises:
        InputError: The config counts epochs.
    """
    before = (cfg.get('train_cfg') or {}).get('max_iters')
    if before is None:
        raise InputError(f'max_iters={steps}: this config counts epochs: set train_cfg.max_epochs instead')
    if steps == before:
        return
    saving = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    for node, name, default in ((cfg.train_cfg, 'val_interval', 1000), (saving, 'interval', -1)):
        interval = node.get(name, default)  # mmengine's own defaults
        if interval > 0:
            node[name] = steps + 1 if interval > before else min(interval, max(1, steps // 10))
    cfg.train_cfg.max_iters = steps
    cfg.param_scheduler = _as_list(cfg.get('param_scheduler'))
    for schedule in cfg.param_scheduler:
        for name in {'begin', 'end', 'T_max'} & schedule.keys():
            schedule[name] = schedule[name] and max(1, round(schedule[name] * steps / before))
    cfg.param_scheduler = [s for s in cfg.param_scheduler if s.get('begin', 0) < s.get('end', steps)]


def drop_masks(cfg: Config) -> None:
    """A detector of boxes alone, scored on boxes alone."""
    model = cfg.model
    if model.type == 'OCRNetPretrainer':
        model.weights = dict(model.get('weights', {}), masks=0.0)
        model = model.detector
    if 'roi_head' in model:
        model.roi_head.mask_head = None
        model.roi_head.mask_roi_extractor = None
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


def class_counts(node: ConfigDict, key: str = 'model') -> Iterator[tuple[str, ConfigDict]]:
    """Every part of a model config whose ``num_classes`` is the number of its objects' classes, with its key."""
    if 'num_classes' in node:
        yield key, node
    for name, child in node.items():
        if name in OTHER_CLASSES:
            continue
        places = [f'{key}.{name}.{i}' for i in range(len(child))] if isinstance(child, (list, tuple)) else [
            f'{key}.{name}']
        for place, part in zip(places, _as_list(child)):
            if isinstance(part, dict):
                yield from class_counts(part, place)


def set_num_classes(model: ConfigDict, count: int) -> None:
    """Set ``num_classes`` of every head in a model config that tells the objects' classes apart."""
    for _, part in class_counts(model):
        part['num_classes'] = count


def _as_list(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _classes_of(cfg: Config) -> tuple[str, ...]:
    dataset = next(datasets_of(cfg.get('train_dataloader')), {})
    return tuple(dataset.get('metainfo', {}).get('classes', ()))


def _set_loader(cfg: Config, name: str, knobs: dict, counts: Callable[[str, object], bool]) -> None:
    """The knobs in a loader, in its data sets, in their pipelines and in the evaluator that reads its file."""
    loader, datasets = cfg.get(name), list(datasets_of(cfg.get(name)))
    if not datasets:
        return
    evaluators = [e for e in _as_list(cfg.get(name.replace('dataloader', 'evaluator')))
                  if e.get('ann_file') == _ann_path(datasets[0])]
    if name == LOADERS[0] and counts('batch_size', loader.get('batch_size')):
        loader.batch_size = knobs['batch_size']
    for dataset in datasets:
        _set_dataset(dataset, 'train_ann' if name == LOADERS[0] else 'val_ann', knobs, counts)
        for step in dataset.get('pipeline') or []:
            _set_step(step, knobs, counts)
    for evaluator in evaluators:
        evaluator.ann_file = _ann_path(datasets[0])


def _set_dataset(dataset: ConfigDict, ann_knob: str, knobs: dict, counts: Callable[[str, object], bool]
                 ) -> None:
    for knob, name in (('data_root', 'data_root'), (ann_knob, 'ann_file')):
        if counts(knob, dataset.get(name)):
            dataset[name] = knobs[knob]
    prefix = dataset.get('data_prefix') or {}
    if counts('img_dir', prefix.get('img')):
        dataset.data_prefix = dict(prefix, img=knobs['img_dir'])
    if dataset.get('type') not in SEEDED and counts('classes', tuple(dataset.get('metainfo', {}).get('classes', ()))):
        dataset.metainfo = dict(classes=knobs['classes'])


def _set_step(step: ConfigDict, knobs: dict, counts: Callable[[str, object], bool]) -> None:
    if step.type == 'LoadAnnotations' and counts('with_mask', step.get('with_mask')):
        step.with_mask = knobs['with_mask']
    for knob, places in SIZES.items():
        name = places.get(step.type)
        if name and counts(knob, _plain(step.get(name))):
            step[name] = knobs[knob]


def _ann_path(dataset: ConfigDict) -> str:
    return join(dataset.get('data_root') or '', dataset.get('ann_file') or '')
