"""Whether a change moved a number: 30 steps of pretraining and of fine-tuning, on two data sets,
hashed.

    python tests/stress/same_weights.py --data DATA [--against BEFORE.json] [--out NOW.json]

DATA holds `nuclei` and `bccd` as COCO. The narrow net, one thread, fixed seeds: the same code gives
the same hashes on the same machine. With --against it ends with status 1 where one differs.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
STEPS = 30
SETS = dict(nuclei=("('nucleus',)", True), bccd=("('RBC', 'WBC', 'Platelets')", False))
PRETRAINING = """
_base_ = ['{root}/configs/_base_/ocrnet_tiny.py', '{root}/configs/_base_/pretrain.py']
model = dict(_delete_=True, type='OCRNetPretrainer', detector=_base_.model,
             weights=dict(masks={mask_weight}))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(
    data_root='{data}/images/', bad_files='{out}/bad.txt', seed=0, pipeline=[
        _base_.train_pipeline[0],
        dict(type='OCRNetDiscoverRegions', cache_dir='{out}/regions', size=192),
        dict(type='OCRNetTwoViews', size=96, area=(0.1, 0.5))]))
train_cfg = dict(max_iters={steps}, val_interval={steps} + 1)
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end={steps})]
default_hooks = dict(checkpoint=dict(interval={steps}))
randomness = dict(seed=0, deterministic=True)
"""
FINETUNING = """
_base_ = ['{root}/configs/_base_/ocrnet_tiny.py', '{root}/configs/_base_/small_data.py']
classes, with_mask = {classes}, {with_mask}
model = dict(roi_head=dict(bbox_head=dict(num_classes=len(classes)), {mask_head}))
train, test = _base_.train_pipeline, _base_.test_pipeline
labels = dict(type='LoadAnnotations', with_bbox=True, with_mask=with_mask, poly2mask=False)
train_pipeline = [
    train[0], labels, *train[2:4],
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.7, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(96, 96), allow_negative_crop=True), *train[6:]]
resize = dict(type='Resize', scale=(192, 192), keep_ratio=True)
test_pipeline = [*test[:2], resize, labels, test[-1]]
dataset = dict(data_root='{data}/', data_prefix=dict(img='images/'), metainfo=dict(classes=classes))
quiet = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(batch_size=4, dataset=dict(
    ann_file='annotations/train.json', pipeline=train_pipeline, **dataset),
                        **quiet)
val_dataloader = dict(dataset=dict(
    ann_file='annotations/val.json', pipeline=test_pipeline, indices=4, **dataset), **quiet)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='{data}/annotations/val.json', metric='bbox')
test_evaluator = val_evaluator
train_cfg = dict(max_iters={steps}, val_interval={steps})
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end={steps})]
default_hooks = dict(checkpoint=dict(interval={steps}))
randomness = dict(seed=0, deterministic=True)
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', type=Path, required=True)
    parser.add_argument('--against', type=Path, help='hashes to compare with')
    parser.add_argument('--out', type=Path, help='where to keep the hashes')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hashes = {
            f'{name} {stage}': value
            for name in SETS
            for stage, value in trained(
                args.data.resolve() / name, name, Path(folder, name)
            ).items()
        }
    print(json.dumps(hashes, indent=1))
    if args.out:
        args.out.write_text(json.dumps(hashes, indent=1))
    before = json.loads(args.against.read_text()) if args.against else hashes
    moved = [key for key in before if hashes[key] != before[key]]
    print('moved: ' + ', '.join(moved) if moved else 'no weight moved')
    return int(bool(moved))


def trained(data: Path, name: str, out: Path) -> dict[str, str]:
    """Hashes after a pretraining and after a fine-tuning from what it hands over."""
    classes, with_mask = SETS[name]
    mask_head = (
        'mask_head=dict(num_classes=len(classes))'
        if with_mask
        else 'mask_head=None, mask_roi_extractor=None'
    )
    fields = dict(
        root=ROOT,
        data=data,
        out=out,
        steps=STEPS,
        classes=classes,
        with_mask=with_mask,
        mask_head=mask_head,
        mask_weight=0.1 if with_mask else 0.0,
    )
    out.mkdir()
    handed_over = out / 'pretraining/pretrained_detector.pth'
    run(PRETRAINING.format(**fields), out / 'pretraining')
    run(FINETUNING.format(**fields) + f'load_from = {str(handed_over)!r}\n', out / 'finetuning')
    return dict(
        pretraining=hash_of(handed_over), finetuning=hash_of(out / f'finetuning/iter_{STEPS}.pth')
    )


def run(text: str, work_dir: Path) -> None:
    config = work_dir.with_suffix('.py')
    config.write_text(text)
    done = subprocess.run(
        [sys.executable, ROOT / 'tools/train.py', config, '--work-dir', work_dir],
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f'{config} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}')


def hash_of(checkpoint: Path) -> str:
    """Of the tensors' names and bytes."""
    digest = hashlib.sha256()
    for key, value in sorted(torch.load(checkpoint, weights_only=True)['state_dict'].items()):
        digest.update(key.encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    import ocrnet_mmdet.checkpoint_compat  # noqa: F401

    sys.exit(main())
