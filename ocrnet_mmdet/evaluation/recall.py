"""How many labelled objects the discovered regions hold, and how long they take; also in a grid and
in random boxes.

Recall at K is the share of objects of which one of a picture's first K boxes has an IoU of at least
0.5, or 0.75. Crowds are left out. Labels are read here alone, never by the discovery.
"""

import contextlib
import io
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import mmcv
import numpy as np
import torch
from mmdet.apis import init_detector
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_overlaps
from mmengine.config import Config
from pycocotools.coco import COCO

from ..errors import InputError
from ..pretraining.own_regions import find_regions
from ..pretraining.pretrainer import MIN_SCORE
from ..pretraining.region_cache import RegionCache
from ..pretraining.regions import WORKING_SIZE, Regions, discover_regions
from ..pretraining.slots import class_agnostic
from .chance_regions import grid_regions, random_regions

COUNTS = (16, 32, 100)
USED = 36  # best boxes of a picture, among which precision is counted
IOU, STRICT_IOU = 0.5, 0.75


def measure(
    sources: list[tuple[Path, Path]],
    least_area: float = 0.0,
    detect: Callable[[np.ndarray], dict[str, np.ndarray]] | None = None,
    size: int = WORKING_SIZE,
) -> dict:
    """Recall, precision, milliseconds and cached bytes of labelled pictures.

    Args:
        sources: COCO JSON and the folder of its pictures, each.
        least_area: Of the objects that count, as a share of their picture.
        detect: Further boxes (R, 4) of a picture by name, best first, counted beside the others.
        size: See :func:`discover_regions`.

    Raises:
        InputError: A picture cannot be read, or none has an object.
    """
    found = defaultdict(list)
    wall, processor, sizes = [], [], []
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        cache = RegionCache(folder, {})
        for image, objects in _pictures(sources, least_area):
            start = time.perf_counter(), time.process_time()
            regions = discover_regions(image, size=size)
            wall.append(1e3 * (time.perf_counter() - start[0]))
            processor.append(1e3 * (time.process_time() - start[1]))
            cache.save(image, regions)
            sizes.append(cache.path(image).stat().st_size)
            arms = dict(discovered=regions.boxes) | _by_chance(regions, rng)
            if detect:
                arms |= detect(image)
            for arm, boxes in arms.items():
                found[arm].append(
                    bbox_overlaps(torch.from_numpy(boxes), torch.from_numpy(objects)).numpy()
                )
    if not wall:
        raise InputError(
            f'no picture of {[str(labels) for labels, _ in sources]} has an object of '
            f'at least {least_area:g} of its area: name other labels'
        )
    return dict(
        pictures=len(wall),
        objects=sum(iou.shape[1] for iou in found['grid']),
        arms={arm: _figures(ious) for arm, ious in found.items()},
        milliseconds=dict(processor=_spread(processor), wall=_spread(wall)),
        cache_bytes=_spread(sizes),
    )


def detections_of(
    config: str, checkpoint: str, size: int
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """What a pretrained detector finds in a picture of longest side ``size``.

    ``candidates`` are its region head's best, ``own_regions`` what a pretraining would go on with.
    """
    cfg = Config.fromfile(config)
    cfg.model = class_agnostic(cfg.model)
    model = init_detector(cfg, checkpoint, device='cpu')
    model.test_cfg.rpn.update(max_per_img=COUNTS[-1])

    @torch.no_grad()
    def find(image: np.ndarray) -> dict[str, np.ndarray]:
        resized, scale = mmcv.imrescale(image, (size, size), return_scale=True)
        picture = torch.from_numpy(resized.transpose(2, 0, 1).copy())
        meta = dict(
            img_shape=resized.shape[:2], ori_shape=resized.shape[:2], scale_factor=(1.0, 1.0)
        )
        data = model.data_preprocessor(
            dict(inputs=[picture], data_samples=[DetDataSample(metainfo=meta)]), False
        )
        levels = model.extract_feat(data['inputs'])
        candidates = model.rpn_head.predict(levels, data['data_samples'], rescale=False)
        best = candidates[0].bboxes
        (own,) = find_regions(model, levels, candidates, [meta], MIN_SCORE, True)
        return {
            name: (boxes / scale).numpy()
            for name, boxes in dict(candidates=best, own_regions=own.bboxes).items()
        }

    return find


def _by_chance(regions: Regions, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Boxes (R, 4) that know nothing of the picture, by their kind."""
    shape, most = regions.shape, COUNTS[-1]
    return dict(
        grid=grid_regions(shape, most).boxes,
        random=random_regions(shape, most, rng).boxes,
        random_alike=random_regions(shape, most, rng, regions).boxes,
    )


def _pictures(
    sources: list[tuple[Path, Path]], least_area: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pixels and objects (M, 4) xyxy of every picture that has an object to be found."""
    for labels, folder in sources:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
            coco = COCO(str(labels))
        for image in coco.imgs.values():
            least = least_area * image['width'] * image['height']
            boxes = [
                label['bbox'] for label in coco.imgToAnns[image['id']] if not label.get('iscrowd')
            ]
            boxes = [(x, y, x + w, y + h) for x, y, w, h in boxes if w * h > least]
            if boxes:
                yield _read(folder / image['file_name']), np.array(boxes, np.float32)


def _read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    if image is None:
        raise InputError(f'{path} cannot be read: mend or leave out the picture')
    return image


def _figures(ious: list[np.ndarray]) -> dict:
    """Recall at each count over all objects, precision, and of all boxes mean number and share.

    Precision is the mean over pictures of the share of their first USED boxes that hold an object.
    """

    def recall(least: float) -> dict:
        return {
            k: round(
                float(np.mean(np.concatenate([(iou[:k] >= least).any(axis=0) for iou in ious]))), 4
            )
            for k in COUNTS
        }

    precision = [(iou[:USED] >= IOU).any(axis=1).mean() for iou in ious if len(iou)]
    holds = np.concatenate([(iou >= IOU).any(axis=1) for iou in ious])
    return dict(
        recall=recall(IOU),
        strict_recall=recall(STRICT_IOU),
        precision=round(float(np.mean(precision)), 4),
        boxes=round(len(holds) / len(ious), 1),
        precision_of_all=round(float(holds.mean()), 4),
    )


def _spread(values: Sequence[float]) -> dict:
    return dict(
        median=round(statistics.median(values), 1),
        mean=round(statistics.mean(values), 1),
        most=round(max(values), 1),
    )
