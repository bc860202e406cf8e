"""Pretrainings without labels, and what their monitors said."""

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from ocrnet_mmdet.errors import InputError

from . import controls  # noqa: F401  (registers the transform)
from .data_sets import DATA_SETS
from .finetuning import CROP
from .places import scalars, step_seconds, work_dir
from .records import CURVES, ROOT, Run, append_curve

# As tools/start.py writes it: a view shows as much of a picture as a crop of a fine-tuning does,
# and one pixel of the picture in which regions are discovered spans as many of it.
ZOOM, SPAN = (0.7, 1.4), 1.5
CACHE = 'regions'  # of discovered regions, shared by all runs


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Pretrain; the detector lies in the run's folder."""
    runner = Runner.from_cfg(make_config(run, data_root, out))
    runner.train()
    append_curve(out / CURVES, run, scalars(runner))
    return dict(
        step_seconds=step_seconds(runner),
        measured={
            key.removeprefix('train/'): round(float(value.current()), 4)
            for key, value in runner.message_hub.log_scalars.items()
        },
    )


def make_config(run: Run, data_root: Path, out: Path) -> Config:
    """The arm's config with the run's pictures, sizes, schedule and seed."""
    cfg = Config.fromfile(ROOT / run.config)
    loader = cfg.train_dataloader
    loader.update(batch_size=run.batch, num_workers=0, persistent_workers=False)
    _set_pictures(loader.dataset, run, data_root)
    _, discover, views = loader.dataset.pipeline
    discover.cache_dir = str(out / CACHE)
    views.size = CROP
    if not run.folders:
        discover.size = round(DATA_SETS[run.data].size / SPAN)
        views.area = tuple(
            min((CROP / (DATA_SETS[run.data].size * zoom)) ** 2, 1.0) for zoom in reversed(ZOOM)
        )
    warm_up, cosine = cfg.param_scheduler
    warm_up.end = cosine.begin = run.steps // 12
    cosine.update(end=run.steps, T_max=run.steps - run.steps // 12)
    cfg.train_cfg.update(max_iters=run.steps, val_interval=run.steps + 1)
    cfg.optim_wrapper.optimizer.lr = run.lr
    cfg.randomness = dict(seed=run.seed)
    cfg.default_hooks.checkpoint.update(interval=run.steps + 1, save_last=False)
    cfg.work_dir = str(work_dir(run, out))
    cfg.merge_from_dict(run.options or {})
    if run.control:
        loader.dataset.pipeline.insert(2, dict(type='OCRNetControlRegions', kind=run.control))
    return cfg


def _set_pictures(dataset: dict, run: Run, data_root: Path) -> None:
    """The data set's training pictures, and the further folders' beside them.

    Raises:
        InputError: Val pictures would be read.
    """
    train_ann, _, train_dir, val_dir = DATA_SETS[run.data].layout
    dataset.update(
        data_root=f'{data_root}/{run.data}/',
        ann_file=train_ann,
        data_prefix=dict(img=train_dir),
        seed=run.seed,
    )
    if not run.folders:
        return
    if train_dir == val_dir:
        raise InputError(
            f'{run.name}: the folder {run.data}/{train_dir} holds val pictures too, '
            'so further folders cannot be read beside it'
        )
    dataset.update(
        data_root=[f'{data_root}/{folder}' for folder in (f'{run.data}/{train_dir}', *run.folders)],
        ann_file='',
        data_prefix=dict(img=''),
    )
