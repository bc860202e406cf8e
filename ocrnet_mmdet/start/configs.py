"""The text of the configs that tools/start.py writes."""

from __future__ import annotations

from pathlib import Path
from string import Template

from ..errors import shown
from .labels import Labels
from .recipe import Recipe

FINETUNING = Template("""\
# Written once by tools/start.py; yours from now on. It is read as it stands, by tools/train.py and
# by MMDetection's own tools: python tools/train.py $out/finetune.py
_base_ = $base  # $why_net

data_root = $pictures  # the pictures stay where they are
annotations = $annotations
classes = $classes  # $counts
with_mask = $with_mask
# $found
image_scale = $image_scale  # $why_image_scale
crop_size = $crop_size  # $why_crop_size
batch_size = $batch_size
max_iters = $max_iters  # $why_max_iters
lr = $lr  # $why_lr
num_workers = $num_workers  # $why_num_workers
max_detections = $max_detections  # $why_max_detections
work_dir = $work_dir
# After pretrain.py, to start from what it learnt:
# load_from = $pretrained

masks = dict(mask_head=dict(num_classes=len(classes))) if with_mask else dict(
    mask_head=None, mask_roi_extractor=None)
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=len(classes)), **masks),
    test_cfg=dict(
        rpn=dict(max_per_img=max(300, max_detections)), rcnn=dict(max_per_img=max_detections)))
labels = dict(_base_.labels, with_mask=with_mask, poly2mask=$poly2mask)
train_pipeline = [
    _base_.load, labels, _base_.check_frame, _base_.seed_draw,
    dict(_base_.zoom, scale=(image_scale, image_scale)),
    dict(_base_.crop, crop_size=(crop_size, crop_size)),
    _base_.no_slivers, _base_.flip, _base_.pack]
resize = dict(_base_.resize, scale=(image_scale, image_scale))
test_pipeline = [_base_.load, _base_.check_frame, resize, labels, _base_.pack_test]
workers = dict(num_workers=num_workers, persistent_workers=num_workers > 0)
dataset = dict(data_root=data_root, data_prefix=dict(img=''), metainfo=dict(classes=classes))
train_dataloader = dict(
    batch_size=batch_size, **workers,
    dataset=dict(ann_file=annotations + 'train.json', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    **workers, dataset=dict(ann_file=annotations + 'val.json', pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=annotations + 'val.json', metric=['bbox', 'segm'] if with_mask else ['bbox'])
test_evaluator = val_evaluator
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 10)
default_hooks = dict(checkpoint=dict(interval=max_iters // 10))
optim_wrapper = dict(optimizer=dict(lr=lr))
warm_up = max(2, max_iters // 20)  # steps
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=max_iters,
         T_max=max_iters - warm_up, eta_min=0)]
""")

PRETRAINING = Template("""\
# Written once by tools/start.py; yours from now on. The stage without labels:
# python tools/train.py $out/pretrain.py
_base_ = $base  # $why_net

data_root = $pictures
ann_file = $ann_file  # $why_ann_file
image_scale = $image_scale  # $why_image_scale
view_size = $pretrain_view
batch_size = $pretrain_batch
max_iters = $pretrain_steps  # $why_pretrain_steps
lr = $pretrain_lr  # $why_pretrain_lr
num_workers = $num_workers  # $why_num_workers
work_dir = $work_dir

zoom = (0.7, 1.4)  # of a fine-tuning picture: a view shows as much of it as a crop does there
area = tuple(min((view_size / (image_scale * z))**2, 1.0) for z in reversed(zoom))
train_pipeline = [
    _base_.load,
    dict(_base_.discover, cache_dir=work_dir + '/regions', size=round(image_scale / 1.5)),
    dict(_base_.views, size=view_size, area=area)]
train_dataloader = dict(
    batch_size=batch_size, num_workers=num_workers, persistent_workers=num_workers > 0,
    dataset=dict(data_root=data_root, ann_file=ann_file, pipeline=train_pipeline,
                 bad_files=work_dir + '/bad_pictures.txt'))
${model}train_cfg = dict(max_iters=max_iters, val_interval=max_iters + 1)
default_hooks = dict(checkpoint=dict(interval=max_iters // 10))
optim_wrapper = dict(optimizer=dict(lr=lr))
warm_up = max(2, max_iters // 12)  # steps
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=max_iters,
         T_max=max_iters - warm_up, eta_min=0)]
""")
NO_MASKS = 'model = dict(weights=dict(masks=0.0))  # finetune.py has no masks to learn\n'


def finetuning_config(
    configs: Path, pictures: Path, out: Path, data: Labels, recipe: Recipe
) -> str:
    """The text of finetune.py."""
    counts = ', '.join(f'{shown(name)} {count}' for name, count in data.class_counts().items())
    return FINETUNING.substitute(
        _common(recipe),
        out=out,
        base=repr(str(configs / f'{recipe.values["net"]}.py')),
        pictures=repr(f'{pictures}/'),
        annotations=repr(f'{out}/annotations/'),
        classes=repr(data.classes),
        counts=f'objects to train on: {counts}',
        with_mask=data.with_mask,
        poly2mask=data.has_run_lengths(),
        found=recipe.found[0],
        work_dir=repr(f'{out}/finetune'),
        pretrained=repr(f'{out}/pretrain/pretrained_detector.pth'),
    )


def pretraining_config(
    configs: Path,
    pictures: Path,
    out: Path,
    recipe: Recipe,
    ann_file: str = '',
    with_mask: bool = True,
) -> str:
    """The text of pretrain.py.

    Args:
        ann_file: List of the pictures to train on; empty takes all below ``pictures``.
        with_mask: Whether the detector to come has a mask branch.
    """
    return PRETRAINING.substitute(
        _common(recipe),
        out=out,
        base=repr(str(configs / f'{recipe.values["net"]}_pretrain.py')),
        pictures=repr(f'{pictures}/'),
        ann_file=repr(ann_file),
        why_ann_file='all pictures but those that finetune.py scores on'
        if ann_file
        else 'all pictures',
        work_dir=repr(f'{out}/pretrain'),
        model='' if with_mask else NO_MASKS,
    )


def _common(recipe: Recipe) -> dict[str, object]:
    return recipe.values | {f'why_{name}': why for name, why in recipe.reasons.items()}
