"""An exported file beside the detector that it was written from, on real pictures.

Naming convention: a detection's *twin* is the other's of the same class whose corners are nearest.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from mmdet.datasets import CocoDataset
from mmengine.dataset import pseudo_collate
from torch import nn

from ..compare.scores import score
from ..datasets.load_image import read_picture
from .run import Detector

NEAR = 1.0  # pixels of the picture: a twin that is farther is none
SAME = 1e-3  # pixels, and score


def compare(model: nn.Module, dataset: CocoDataset, detector: Detector, count: int) -> dict:
    """Both on the first ``count`` pictures of a test set.

    Returns:
        ``pictures``; ``detections``, of the detector; ``alone``, those of either without a twin;
        ``apart``, twins that differ by more than ``SAME``; ``box`` (pixels of the picture) and
        ``score``, the greatest differences of twins; ``mask``, the share of their masks' pixels in
        which they differ; ``torch_seconds`` and ``onnx_seconds``, medians of a picture;
        ``torch_ap`` and ``onnx_ap``, box AP on these pictures.
    """
    pairs, times, ids = [], [], []
    for sample in (dataset[index] for index in range(min(count, len(dataset)))):
        picture = read_picture(sample['data_samples'].img_path)
        start = time.perf_counter()
        ours = _predicted(model, sample)
        middle = time.perf_counter()
        theirs = detector(picture)
        times.append((middle - start, time.perf_counter() - middle))
        pairs.append((ours, theirs))
        ids.append(sample['data_samples'].img_id)
    seconds = np.median(times, 0)
    aps = [_box_ap(dataset, ids, [pair[side] for pair in pairs]) for side in (0, 1)]
    return dict(
        pictures=len(pairs),
        **differences(pairs),
        torch_seconds=round(float(seconds[0]), 4),
        onnx_seconds=round(float(seconds[1]), 4),
        torch_ap=aps[0],
        onnx_ap=aps[1],
    )


def differences(pairs: list[tuple[dict, dict]]) -> dict:
    """``detections``, ``alone``, ``apart``, ``box``, ``score`` and ``mask`` of :func:`compare`."""
    box, scores, twins = [0.0], [0.0], 0
    other, all_pixels = 0, 0
    for ours, theirs in pairs:
        for i, j in _twins(ours, theirs):
            twins += 1
            box.append(abs(ours['boxes'][i] - theirs['boxes'][j]).max())
            scores.append(abs(ours['scores'][i] - theirs['scores'][j]))
            if 'masks' in ours:
                both = ours['masks'][i], theirs['masks'][j]
                other += (both[0] ^ both[1]).sum()
                all_pixels += (both[0] | both[1]).sum()
    counts = [sum(len(pair[side]['boxes']) for pair in pairs) for side in (0, 1)]
    return dict(
        detections=counts[0],
        alone=sum(counts) - 2 * twins,
        apart=sum(bool(max(pair) > SAME) for pair in zip(box, scores)),
        box=float(max(box)),
        score=float(max(scores)),
        mask=float(other / max(1, all_pixels)),
    )


def _twins(ours: dict, theirs: dict) -> Iterator[tuple[int, int]]:
    free = np.ones(len(theirs['boxes']), bool)
    for i, (box, label) in enumerate(zip(ours['boxes'], ours['labels'])):
        far = abs(theirs['boxes'] - box).max(1, initial=0)
        far[~free | (theirs['labels'] != label)] = np.inf
        if len(far) and far.min() <= NEAR:
            free[far.argmin()] = False
            yield i, int(far.argmin())


@torch.no_grad()
def _predicted(model: nn.Module, sample: dict) -> dict[str, np.ndarray]:
    (found,) = model.test_step(pseudo_collate([sample]))
    found = found.pred_instances
    names = dict(boxes='bboxes', scores='scores', labels='labels', masks='masks')
    return {name: np.asarray(found[own]) for name, own in names.items() if own in found}


def _box_ap(dataset: CocoDataset, ids: list[int], found: list[dict]) -> float | None:
    """Box AP in [0, 1] of what was found in the pictures of these ids."""
    results = [
        dict(
            image_id=image,
            category_id=dataset.cat_ids[label],
            bbox=[*map(float, box[:2]), *map(float, box[2:] - box[:2])],
            score=float(value),
        )
        for image, one in zip(ids, found)
        for box, label, value in zip(one['boxes'], one['labels'], one['scores'])
    ]
    labels = json.loads(Path(dataset.ann_file).read_text())
    labels['images'] = [image for image in labels['images'] if image['id'] in ids]
    labels['annotations'] = [one for one in labels['annotations'] if one['image_id'] in ids]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'labels.json'
        file.write_text(json.dumps(labels))
        return score(file, results, 'bbox').get('bbox_mAP')
