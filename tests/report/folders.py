"""Work folders as trainings leave them, written without one: what a page says is known."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from demo.data_set import make_demo_set
from ocrnet_mmdet.report.facts import FACTS
from ocrnet_mmdet.report.work_folder import CONFIG, SCALARS

CLASSES = ('star', 'ring', 'cross', 'leaf', 'crescent')


def write_data(out: Path, val: int = 8) -> Path:
    make_demo_set(str(out), train=2, val=val, unlabelled=6, size=96)
    return out


def write_start(
    folder: Path, start: str, config: str, rows: list[dict], facts: dict | None = None
) -> Path:
    """One ``TIME`` folder of a work folder."""
    for name in (CONFIG, SCALARS):
        (folder / start / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / start / CONFIG).write_text(config)
    (folder / start / SCALARS).write_text(''.join(json.dumps(row) + '\n' for row in rows))
    if facts is not None:
        (folder / start / FACTS).write_text(json.dumps(facts))
    return folder


def finetuning_config(
    ann_file: Path | str,
    img_dir: str = '',
    classes=CLASSES,
    steps: int = 100,
    kinds=('bbox', 'segm'),
) -> str:
    root = Path(ann_file).parent.parent
    return (
        f'train_cfg = dict(type="IterBasedTrainLoop", max_iters={steps})\n'
        'model = dict(type="MaskRCNN", backbone=dict(type="ResNet", init_cfg=None))\n'
        f'val_dataloader = dict(dataset=dict(type="CocoDataset", data_root="{root}/", '
        f'data_prefix=dict(img="{img_dir}"), metainfo=dict(classes={tuple(classes)!r})))\n'
        f'val_evaluator = dict(type="CocoMetric", ann_file="{ann_file}", metric={list(kinds)})\n'
        'optim_wrapper = dict(optimizer=dict(type="AdamW", lr=0.002))\n'
        'randomness = dict(seed=7)\n'
    )


def finetuning_rows(steps: int = 100, ap: float = 0.4, every: int = 10) -> list[dict]:
    """Losses that fall and AP that rises, in the log's form."""
    rows: list[dict] = []
    for step in range(every, steps + 1, every):
        fall = float(np.exp(-step / steps))
        rows.append(
            dict(
                lr=0.002 * fall,
                loss=3 * fall,
                loss_cls=fall,
                loss_bbox=2 * fall,
                time=0.5,
                data_time=0.1,
                iter=step,
                step=step,
            )
        )
        if step % (steps // 2) == 0:
            values = {'coco/bbox_mAP': ap * step / steps, 'coco/segm_mAP': ap * step / steps / 2}
            rows.append(dict(values, time=0.2, data_time=0.01, step=step))
    return rows


def facts_of(first_step: int = 0, resumed: bool = False, **more) -> dict:
    return dict(
        started=1000.0, ended=1090.0, folder=os.getcwd(), first_step=first_step, seed=7,
        load_from=None, resumed=resumed, pictures_a_step=4, summary=dict(device='cpu, 1 threads'),
        data=dict(train=dict(pictures=2, objects=9, by_class=dict(star=9))), shown=[],
        versions=dict(torch='2.0'), machine='Linux', finished=True, peak_mb=512.0, readiness=None,
    ) | more  # fmt: skip


def write_detections(folder: Path, ann_file: Path, seed: int = 0, exact: float = 0.7) -> None:
    """Labels with errors as a network makes them: moved, missed, of another class, of nothing.

    Args:
        exact: Share of the objects that are found with their own class.
    """
    rng = np.random.default_rng(seed)
    truth = COCO(str(ann_file))
    categories = truth.getCatIds()
    found = []
    for ann in truth.anns.values():
        if ann.get('iscrowd') or rng.random() < 0.1:
            continue
        own = rng.random() < exact
        category = ann['category_id'] if own else int(rng.choice(categories))
        x, y, w, h = (float(v) for v in np.array(ann['bbox']) * rng.normal(1, 0.03, 4))
        found.append(_result(truth, ann, [x, y, max(w, 1), max(h, 1)], category, rng, own))
    for image in truth.imgs.values():
        side = min(image['width'], image['height']) / 4
        box = [*rng.uniform(0, 2 * side, 2).tolist(), side, side]
        ann = dict(image_id=image['id'], bbox=box, segmentation=None)
        found.append(_result(truth, ann, box, int(rng.choice(categories)), rng, False))
    for kind in ('bbox', 'segm'):
        kept = [
            {k: v for k, v in r.items() if kind == 'segm' or k != 'segmentation'} for r in found
        ]
        (folder / f'val_detections.{kind}.json').write_text(json.dumps(kept))


def _result(truth: COCO, ann: dict, box: list, category: int, rng, own: bool) -> dict:
    image = truth.imgs[ann['image_id']]
    if ann.get('segmentation'):
        mask = cv2.dilate(truth.annToMask(ann), np.ones((3, 3), np.uint8))
    else:
        mask = np.zeros((image['height'], image['width']), np.uint8)
        x, y, w, h = map(int, box)
        mask[y : y + h, x : x + w] = 1
    code = coco_mask.encode(np.asfortranarray(mask))
    score = float(rng.uniform(0.5, 1) if own else rng.uniform(0.1, 0.6))
    return dict(
        image_id=ann['image_id'], bbox=box, score=score, category_id=category,
        segmentation=dict(size=code['size'], counts=code['counts'].decode()),
    )  # fmt: skip


def write_finetuning(
    folder: Path,
    ann_file: Path,
    img_dir: str = '',
    classes=CLASSES,
    ap: float = 0.4,
    seed: int = 0,
    kinds=('bbox', 'segm'),
) -> Path:
    """A whole one, with its detections."""
    config = finetuning_config(ann_file, img_dir, classes, kinds=kinds)
    write_start(folder, '20250101_000000', config, finetuning_rows(ap=ap), facts_of())
    write_detections(folder, ann_file, seed, exact=0.5 + ap)
    return folder


DISCOVER = 'OCRNetDiscoverRegions'


def pretraining_config(steps: int, discover: str = DISCOVER, **weights: float) -> str:
    return (
        f'train_cfg = dict(type="IterBasedTrainLoop", max_iters={steps})\n'
        'model = dict(type="OCRNetPretrainer", detector=dict(type="MaskRCNN"), '
        f'weights=dict(boxes=0.1) | {weights!r})\n'
        'train_dataloader = dict(dataset=dict(type="OCRNetImageFolder", '
        f'pipeline=[dict(type="{discover}", cache_dir="regions", size=64)]))\n'
    )


def write_pretraining(
    folder: Path,
    steps: int,
    ratio: float,
    shown: list[str] = [],
    discover: str = DISCOVER,
    **weights: float,
) -> Path:
    """One whose box branch ends at ``ratio``."""
    rows = [
        dict(
            lr=0.001, loss=2 - step / steps, time=0.4, data_time=0.1, iter=step, step=step,
            regions=40.0, proposal_recall=0.3 + 0.4 * step / steps, mask_level_ratio=0.8,
            box_level_ratio=1 - (1 - ratio) * step / steps,
        )
        for step in np.linspace(steps / 10, steps, 10).astype(int).tolist()
    ]  # fmt: skip
    facts = facts_of(
        shown=shown, pictures_a_step=8, data=dict(train=dict(pictures=100)), load_from=None
    )
    return write_start(
        folder, '20250101_000000', pretraining_config(steps, discover, **weights), rows, facts
    )
