"""One pretraining without labels and what its monitors said, as a JSON file."""
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from ..datasets.own_data import match_views
from ..errors import InputError
from . import controls  # noqa: F401  (registers the transform)
from .data_sets import DATA_SETS
from .runs import CROP, Training, write_record

CACHE = 'work_dirs/regions'  # of discovered regions, shared by all runs


@dataclass(frozen=True)
class PretrainRun(Training):
    """A pretraining on a data set's training pictures; their labels are not read.

    Args:
        batch: Pictures of a step; each is seen in two views.
        control: A kind of :class:`.controls.OCRNetControlRegions` in the place of the regions.
        folders: Of further pictures, below the data root. The views then show the share of a
            picture that the config says, not what fine-tuning shows of the data set's, and regions are
            discovered as finely as it says.
    """

    batch: int = 8
    control: str | None = None
    folders: tuple[str, ...] = ()


def make_config(run: PretrainRun, work_dir: Path) -> Config:
    """The arm's config with the run's pictures, sizes, schedule and seed.

    Raises:
        InputError: Val pictures would be read.
    """
    data = DATA_SETS[run.data]
    train_ann, _, train_dir, val_dir = data.layout
    if run.folders and train_dir == val_dir:
        raise InputError(f'{run.name}: the folder {run.data}/{train_dir} holds val pictures too, so further folders '
                         'cannot be read beside it')
    cfg = Config.fromfile(run.config)
    loader = cfg.train_dataloader
    loader.update(batch_size=run.batch, num_workers=0, persistent_workers=False)
    loader.dataset.update(data_root=f'{run.data_root}/{run.data}/', ann_file=train_ann,
                          data_prefix=dict(img=train_dir), seed=run.seed)
    _, discover, views = loader.dataset.pipeline
    discover.cache_dir = CACHE
    views.size = CROP
    if run.folders:
        loader.dataset.update(
            data_root=[f'{run.data_root}/{folder}' for folder in (f'{run.data}/{train_dir}', *run.folders)],
            ann_file='', data_prefix=dict(img=''))
    else:
        match_views(loader.dataset.pipeline, data.size)
    warm_up, cosine = cfg.param_scheduler
    warm_up.end = cosine.begin = run.steps // 12
    cosine.update(end=run.steps, T_max=run.steps - run.steps // 12)
    cfg.train_cfg.update(max_iters=run.steps, val_interval=run.steps + 1)
    cfg.optim_wrapper.optimizer.lr = run.lr
    cfg.randomness = dict(seed=run.seed)
    cfg.default_hooks.checkpoint.update(interval=run.steps + 1, save_last=False)
    cfg.work_dir = str(work_dir)
    cfg.merge_from_dict(run.options or {})
    if run.control:
        cfg.train_dataloader.dataset.pipeline.insert(2, dict(type='OCRNetControlRegions', kind=run.control))
    return cfg


def execute(run: PretrainRun, out: Path) -> None:
    """Pretrain and write ``out``; the detector lies in the folder beside it."""
    import ocrnet_mmdet  # noqa: F401
    runner = Runner.from_cfg(make_config(run, out.with_suffix('')))
    start = time.time()
    runner.train()
    write_record(out, run, start,
                 monitors={key.removeprefix('train/'): round(float(value.current()), 4)
                           for key, value in runner.message_hub.log_scalars.items()})


if __name__ == '__main__':
    execute(PretrainRun(**json.loads(sys.argv[1])), Path(sys.argv[2]))
