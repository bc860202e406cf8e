"""What a trained detector is like beside its AP: python -m ocrnet_mmdet.compare.measure CONFIG
CHECKPOINT OUT.json

A process of its own after a run's training, on its threads, on evenly drawn val pictures.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.apis import init_detector
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.device import get_device
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..evaluation.speed import alternating_seconds
from ..evenly import evenly
from ..pretraining.slots import PROPOSALS, box_forward

PICTURES = 32  # on which proposals and regions are looked at: some hundred objects of most sets
TIMED = 10
EVERY_AREA = [[0, 1e10]]  # square pixels


class Measures:
    """A trained detector on the pictures that its config scores.

    Args:
        cfg: Of its run; its test pictures are a COCO file's.
    """

    def __init__(self, cfg: Config, checkpoint: str) -> None:
        self.device = get_device()
        self.model: nn.Module = init_detector(cfg, checkpoint, device=self.device)
        self.dataset: Dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, test_mode=True))
        self.ann_file = cfg.test_dataloader.dataset.ann_file

    def all(self) -> tuple[dict, list[str]]:
        """Each figure by its column, None where the detector has none, and why one failed."""
        found: dict[str, float | None] = {}
        notes = []
        measures: dict[str, Callable[[], dict]] = dict(
            latency=self.latency, regions=self.regions, FLOPs=self.flops
        )
        for name, measure in measures.items():
            try:
                found |= measure()
            except Exception as error:  # any detector's code: the other figures are had without it
                notes.append(f'{name}: {type(error).__name__}: {error}')
        return found, notes

    def latency(self) -> dict:
        """Median seconds of a picture at test scale, batch 1, without reading it from the disk."""
        chosen = [self._batch(i) for i in evenly(len(self.dataset), TIMED)]
        batches = itertools.cycle(chosen)

        @torch.no_grad()
        def step() -> None:
            batch = next(batches)
            self.model.test_step(
                dict(batch, data_samples=[sample.clone() for sample in batch['data_samples']])
            )

        seconds = alternating_seconds(dict(picture=step), len(chosen), self.device)['picture']
        return dict(latency_seconds=round(seconds, 5))

    @torch.no_grad()
    def regions(self) -> dict:
        """Recall of the proposals, and accuracy of the region classifier, where there are any."""
        rpn: Any = getattr(self.model, 'rpn_head', None)
        roi_head: Any = getattr(self.model, 'roi_head', None)
        proposes = isinstance(rpn, BaseDenseHead)
        classifies = isinstance(roi_head, StandardRoIHead)  # not a cascade, which has several
        if not proposes and not classifies:
            return {}
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
            truth = COCO(self.ann_file)
        ids: list[int] = []
        proposals: list[dict] = []
        right: list[bool] = []
        for i in evenly(len(self.dataset), PICTURES):
            data = self.model.data_preprocessor(self._batch(i), False)
            levels, samples = self.model.extract_feat(data['inputs']), data['data_samples']
            ids.append(samples[0].img_id)
            if proposes:
                (found,) = rpn.predict(levels, samples, rescale=True)
                proposals += as_results(ids[-1], found.bboxes, found.scores)
            if classifies:
                boxes, labels = self._objects(truth, samples[0])
                if len(labels):
                    scores = box_forward(roi_head, levels, bbox2roi([boxes]), 0.0)['cls_score']
                    right += (scores.argmax(1) == labels).tolist()
        return dict(
            proposal_recall=average_recall(truth, proposals, ids) if proposes else None,
            region_accuracy=round(float(np.mean(right)), 4) if right else None,
        )

    def flops(self) -> dict:
        """Of one picture at test scale, as mmengine counts: a multiplication and addition is one.

        Its hooks stay in the model, so this comes last.
        """
        data = self.model.data_preprocessor(self._batch(0), False)
        self.model.forward = partial(self.model.forward, data_samples=data['data_samples'])
        with contextlib.redirect_stdout(io.StringIO()):
            counted = get_model_complexity_info(
                self.model, None, inputs=data['inputs'], show_table=False, show_arch=False
            )
        return dict(flops=int(counted['flops']))

    def _batch(self, i: int) -> dict:
        picture = self.dataset[i]
        return dict(inputs=[picture['inputs']], data_samples=[picture['data_samples']])

    def _objects(self, truth: COCO, sample: DetDataSample) -> tuple[Tensor, Tensor]:
        """Labelled boxes (N, 4) xyxy in pixels of the network's input, and their classes (N,)."""
        labelled = [
            a
            for a in truth.imgToAnns[sample.img_id]
            if not a.get('iscrowd') and a['category_id'] in self.dataset.cat2label
        ]
        boxes = torch.tensor([a['bbox'] for a in labelled], dtype=torch.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        boxes = boxes * boxes.new_tensor(sample.scale_factor).repeat(2)
        labels = torch.tensor([self.dataset.cat2label[a['category_id']] for a in labelled])
        return boxes.to(self.device), labels.to(self.device)


def as_results(image_id: int, boxes: Tensor, scores: Tensor) -> list[dict]:
    """Boxes (R, 4) xyxy with scores (R,) as COCO results, without a class."""
    boxes = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    return [
        dict(image_id=image_id, bbox=box, score=score)
        for box, score in zip(boxes.tolist(), scores.tolist())
    ]


def average_recall(truth: COCO, proposals: list[dict], ids: list[int]) -> float | None:
    """Of a picture's best 100 proposals, over IoU 0.5 to 0.95 and whatever an object's class.

    Args:
        proposals: COCO results without a class.
        ids: Of the pictures that were looked at.

    Returns:
        0 to 1; None where the pictures have no object.
    """
    category = truth.getCatIds()[0]  # pycocotools leaves out what is of none
    proposals = [dict(result, category_id=category) for result in proposals]
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(truth, truth.loadRes(proposals) if proposals else COCO(), 'bbox')
        judge.params.imgIds, judge.params.useCats = ids, 0
        judge.params.maxDets = [PROPOSALS]
        judge.params.areaRng, judge.params.areaRngLbl = EVERY_AREA, ['all']
        judge.evaluate()
        judge.accumulate()
    recall = judge.eval['recall']  # (10, 1, 1, 1), -1 where there is no object
    return round(float(recall.mean()), 4) if (recall > -1).all() else None


def main(config: str, checkpoint: str, out: str) -> None:
    found, notes = Measures(Config.fromfile(config), checkpoint).all()
    Path(out).write_text(json.dumps(dict(found, note='; '.join(notes))))


if __name__ == '__main__':
    main(*sys.argv[1:])
