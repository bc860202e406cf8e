"""Trainings with labels, and their scores."""

from os.path import join
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from ocrnet_mmdet.config_tree import LOADERS, class_counts

from .data_sets import DATA_SETS, OBJECTS, link_objects
from .places import file_to_start_from, step_seconds, work_dir, write_json
from .records import ROOT, SCORES, Run
from .subsets import labelled_parts

CROP = 128  # pixels
WARM_UP = 50  # steps
# Both arms read as many regions: with stock's 512 its step is twice as long on a CPU.
SAMPLED_REGIONS = 64


def execute(run: Run, data_root: Path, out: Path) -> dict:
    """Train, or only score a ``scoring``'s weights; the scores are those of the last step.

    ``measured`` has those of the single classes.
    """
    if run.data == OBJECTS:
        data_root = link_objects(data_root, out / 'data')
    cfg = make_config(run, data_root, out)
    cfg.load_from = file_to_start_from(run, out)
    runner = Runner.from_cfg(cfg)
    if run.kind == 'scoring':
        scores, seconds = rounded(runner.val()), None
    else:
        runner.train()
        seconds = step_seconds(runner)
        scores = last_scores(runner)
    return dict(
        {key: value for key, value in scores.items() if key in SCORES},
        measured={key: value for key, value in scores.items() if key not in SCORES} or None,
        step_seconds=seconds,
        parameters=sum(p.numel() for p in runner.model.parameters()),
    )


def last_scores(runner: Runner) -> dict[str, float]:
    """What a training's last validation gave."""
    return rounded(
        {
            key.removeprefix('val/'): value.current()
            for key, value in runner.message_hub.log_scalars.items()
            if 'coco/' in key
        }
    )


def rounded(scores: dict[str, float]) -> dict[str, float]:
    """An evaluator's scores by their names in the records."""
    return {key.removeprefix('coco/'): round(float(value), 4) for key, value in scores.items()}


def make_config(
    run: Run, data_root: Path, out: Path, parts: tuple[dict | None, dict | None] | None = None
) -> Config:
    """The arm's config with the run's data, sizes, schedule and seed.

    Args:
        parts: What is trained and what is scored on, as :func:`.subsets.labelled_parts` gives it;
            by default that.
    """
    parts = parts or labelled_parts(run, data_root)
    cfg = Config.fromfile(ROOT / run.config)
    _set_data(cfg, run, data_root, out, parts)
    _set_picture_size(cfg, run.size or DATA_SETS[run.data].size, run.augment)
    cfg.train_cfg.update(max_iters=run.steps, val_interval=run.steps)
    warm_up, cosine = cfg.param_scheduler
    warm_up.end = cosine.begin = WARM_UP
    cosine.update(end=run.steps, T_max=run.steps - WARM_UP)
    cfg.optim_wrapper.optimizer.lr = run.lr or 0.0
    cfg.randomness = dict(seed=run.seed)
    cfg.default_hooks.checkpoint.update(interval=run.steps, save_best=None, save_optimizer=False)
    cfg.model.train_cfg.rcnn.sampler.num = SAMPLED_REGIONS
    cfg.work_dir = str(work_dir(run, out))
    cfg.merge_from_dict(run.options or {})
    return cfg


def _set_data(
    cfg: Config, run: Run, data_root: Path, out: Path, parts: tuple[dict | None, dict | None]
) -> None:
    data = DATA_SETS[run.data]
    train_ann, val_ann, train_dir, val_dir = data.layout
    train, val = parts
    splits = work_dir(run, out) / 'splits'
    root = f'{data_root}/{run.data}/'
    train_ann = write_json(train, splits / 'train.json') if train else train_ann
    val_ann = write_json(val, splits / 'val.json') if val else val_ann
    for loader in LOADERS:
        cfg[loader].update(num_workers=0, persistent_workers=False)
        training = loader == 'train_dataloader'
        cfg[loader].dataset.update(
            data_root=root,
            ann_file=train_ann if training else val_ann,
            data_prefix=dict(img=train_dir if training or val else val_dir),
            metainfo=dict(classes=data.classes),
        )
        for step in cfg[loader].dataset.pipeline:
            if step.type == 'LoadAnnotations':
                step.with_mask = data.with_mask
            elif step.type == 'RandomCrop':
                step.allow_negative_crop = not data.crop_holds_object
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.ann_file = join(root, val_ann)
        if not data.with_mask:
            evaluator.metric = ['bbox']
    for _, part in class_counts(cfg.model):
        part.num_classes = len(data.classes)
    if not data.with_mask:
        cfg.model.roi_head.update(mask_head=None, mask_roi_extractor=None)


def _set_picture_size(cfg: Config, size: int, augment: bool | None) -> None:
    """Resize to a longest side of ``size``; in training vary it and crop ``CROP`` x ``CROP``."""
    for loader in LOADERS:
        for step in cfg[loader].dataset.pipeline:
            if step.type in ('RandomResize', 'Resize'):
                step.scale = (size, size)
            elif step.type == 'RandomCrop':
                step.crop_size = (CROP, CROP)
    if augment is False:
        test = cfg.val_dataloader.dataset.pipeline
        train = cfg.train_dataloader.dataset.pipeline
        resize = next(step for step in test if step.type == 'Resize')
        cfg.train_dataloader.dataset.pipeline = [*train[:3], resize, train[-1]]
