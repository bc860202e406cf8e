"""One training and its scores, as a JSON file; and many of them side by side, one thread each."""
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ..datasets.own_data import LOADERS, apply_knobs
from ..errors import InputError
from .data_sets import DATA_SETS

CROP = 128


@dataclass(frozen=True)
class Training:
    """What distinguishes one training from another.

    Args:
        config: Config file of the arm.
        data: A name in ``DATA_SETS``.
        options: Further config overrides.
    """

    name: str
    config: str
    data: str
    data_root: str
    steps: int
    lr: float
    seed: int
    options: dict | None = None


@dataclass(frozen=True)
class Run(Training):
    """A training with labels, and its scores.

    Args:
        train_ann: JSON of the training pictures; None takes the data set's own.
        val_ann: JSON of training pictures to score instead of the data set's val pictures.
        augment: Vary size and place of the training pictures; without, they are trained on as they
            are scored.
        size: Longest side of the pictures, pixels; None takes the data set's.
        checkpoint: Weights to score as they are, without training.
        load_from: Weights to start the training from.
    """

    train_ann: str | None = None
    val_ann: str | None = None
    augment: bool = True
    size: int | None = None
    checkpoint: str | None = None
    load_from: str | None = None


FILES = ('train_ann', 'val_ann', 'checkpoint', 'load_from')
PATHS = ('data_root', *FILES)  # differ between machines


def make_config(run: Run, work_dir: Path) -> Config:
    """The arm's config with the run's data, sizes, schedule and seed."""
    data = DATA_SETS[run.data]
    train_ann, val_ann, train_dir, val_dir = data.layout
    cfg = Config.fromfile(run.config)
    knobs = dict(data_root=f'{run.data_root}/{run.data}/', classes=data.classes,
                 train_ann=run.train_ann or train_ann, val_ann=run.val_ann or val_ann,
                 img_dir=train_dir, with_mask=data.with_mask)
    apply_knobs(cfg, knobs)
    for loader in LOADERS[1:]:
        cfg[loader].dataset.data_prefix.img = train_dir if run.val_ann else val_dir
    set_picture_size(cfg, run.size or data.size, run.augment)
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'RandomCrop':
            step.allow_negative_crop = not data.crop_holds_object
    cfg.train_cfg.update(max_iters=run.steps, val_interval=run.steps)
    warm_up, cosine = cfg.param_scheduler
    warm_up.end = cosine.begin = 50
    cosine.update(end=run.steps, T_max=run.steps - 50)
    cfg.optim_wrapper.optimizer.lr = run.lr
    cfg.randomness = dict(seed=run.seed)
    cfg.default_hooks.checkpoint.update(interval=run.steps, save_best=None, save_optimizer=False)
    for loader in LOADERS:
        cfg[loader].update(num_workers=0, persistent_workers=False)
    # Both arms read as many regions: with stock's 512 its step is twice as long on a CPU.
    cfg.model.train_cfg.rcnn.sampler.num = 64
    cfg.work_dir = str(work_dir)
    cfg.merge_from_dict(run.options or {})
    return cfg


def set_picture_size(cfg: Config, size: int, augment: bool) -> None:
    """Resize to a longest side of ``size``; in training vary it and crop ``CROP`` x ``CROP``."""
    for loader in LOADERS:
        for step in cfg[loader].dataset.pipeline:
            if step.type in ('RandomResize', 'Resize'):
                step.scale = (size, size)
            elif step.type == 'RandomCrop':
                step.crop_size = (CROP, CROP)
    if not augment:
        test = cfg.val_dataloader.dataset.pipeline
        train = cfg.train_dataloader.dataset.pipeline
        resize = next(step for step in test if step.type == 'Resize')
        cfg.train_dataloader.dataset.pipeline = [*train[:3], resize, train[-1]]


def execute(run: Run, out: Path) -> None:
    """Train, or take ``run.checkpoint``; score the last checkpoint and write ``out``."""
    import ocrnet_mmdet  # noqa: F401
    cfg = make_config(run, out.with_suffix(''))
    cfg.load_from = run.checkpoint or run.load_from
    runner = Runner.from_cfg(cfg)
    start = time.time()
    if run.checkpoint:
        scores = runner.val()
    else:
        runner.train()
        scores = {key.removeprefix('val/'): value.current()
                  for key, value in runner.message_hub.log_scalars.items() if 'coco/' in key}
    write_record(out, run, start,
                 scores={key.removeprefix('coco/'): round(float(value), 4)
                         for key, value in scores.items()},
                 parameters=sum(p.numel() for p in runner.model.parameters()))


def write_record(out: Path, run: Training, start: float, **results) -> None:
    """The run's JSON, whole or not at all. Files are named as seen from the JSON's folder.

    Args:
        start: When the run began, seconds since the epoch.
    """
    settings = asdict(run)
    for key in FILES:
        if (path := settings.get(key)) and os.path.isabs(path):
            settings[key] = os.path.relpath(path, out.parent.resolve())
    record = dict(run=settings, wall_seconds=round(time.time() - start, 1), **results,
                  device=torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
                  torch=torch.__version__, threads=torch.get_num_threads())
    part = out.with_suffix('.part')
    part.write_text(json.dumps(record, indent=1))
    part.rename(out)


def check_finished(run: Training, out: Path) -> None:
    """
    Raises:
        InputError: The file is of a run with other settings than ``run``.
    """
    found, asked = json.loads(out.read_text())['run'], asdict(run)
    for key in asked.keys() - set(PATHS):
        # As JSON has it: a list where the run has a tuple.
        if found.get(key) != json.loads(json.dumps(asked[key])):
            raise InputError(f'{out} was run with {key}={found.get(key)!r}, the study has '
                             f'{asked[key]!r}: delete the file to run it again')


def execute_all(runs: list[Training], folder: Path, jobs: int) -> None:
    """Each run in a process with one thread, ``jobs`` at a time; finished ones are not repeated.

    A run's module has a ``python -m`` of its own that takes the run as JSON and where to write.

    A failed run leaves its log beside where its JSON would be, and the others go on.

    Raises:
        InputError: A finished run had other settings; a run needs weights that are not there; or runs
            failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for run in runs:
        out = folder / f'{run.name}.json'
        if out.exists():
            check_finished(run, out)
        else:
            _check_weights(run, folder)
            missing.append(run)

    def start(run: Training) -> bool:
        out = folder / f'{run.name}.json'
        command = [sys.executable, '-W', 'ignore', '-m', type(run).__module__,
                   json.dumps(asdict(run)), str(out)]
        with open(out.with_suffix('.log'), 'w') as log:
            status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT,
                                    env=dict(os.environ, OMP_NUM_THREADS='1')).returncode
        print(f'{time.strftime("%H:%M:%S")} {run.name}: '
              + (_result(out) if status == 0
                 else f'failed, see {out.with_suffix(".log")}'), flush=True)
        return status == 0

    with ThreadPoolExecutor(jobs) as pool:
        failed = [run.name for run, done in zip(missing, pool.map(start, missing)) if not done]
    if failed:
        raise InputError(f'{len(failed)} runs failed, {failed[0]} first: see their logs in {folder}; the same '
                         'command goes on with what is missing')


def _check_weights(run: Training, folder: Path) -> None:
    for path in filter(None, (getattr(run, 'load_from', None), getattr(run, 'checkpoint', None))):
        if not Path(path).exists():
            raise InputError(f'{run.name} needs {path}, which is not there: run the study that makes it, and '
                             f'this one, into an empty folder instead of {folder.parent}; weights are not '
                             'kept with the results')


def _result(out: Path) -> str:
    record = json.loads(out.read_text())
    return str(record.get('scores') or record['monitors'])


if __name__ == '__main__':
    execute(Run(**json.loads(sys.argv[1])), Path(sys.argv[2]))
