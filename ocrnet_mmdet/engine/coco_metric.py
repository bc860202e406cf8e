"""COCO's AP where pictures have more than a hundred objects, and the model's own limit."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from os.path import join
from tempfile import TemporaryDirectory

import numpy as np
from mmdet.datasets.api_wrappers import COCOeval
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmengine.config import Config, ConfigDict
from mmengine.fileio import load
from mmengine.logging import print_log

COCO_CAP = 100  # detections of a picture and class that pycocotools counts in its first figure


@METRICS.register_module()
class OCRNetCocoMetric(CocoMetric):
    """``CocoMetric`` whose mAP counts the last of ``proposal_nums`` as its mAP_50 and mAP_75 do,
    not 100.

    Where no picture has more than 100 detections of a class, it is ``CocoMetric``.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """As of ``CocoMetric``; what was over 100 is scored a second time."""
        scores = super().compute_metrics(results)
        predictions = [prediction for _, prediction in results]
        if max(np.bincount(p['labels'], minlength=1).max() for p in predictions) <= COCO_CAP:
            return scores
        for metric in ('bbox', 'segm'):
            if f'{metric}_mAP' in scores:
                scores[f'{metric}_mAP'] = round(self._mean_ap(predictions, metric), 3)
                print_log(
                    f'{metric}_mAP of up to {max(self.proposal_nums)} detections a picture '
                    f'and class: {scores[f"{metric}_mAP"]:.3f}',
                    logger='current',
                )
        return scores

    def _mean_ap(self, predictions: Sequence[dict], metric: str) -> float:
        with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            found = load(self.results2json(predictions, join(folder, 'results'))[metric])
            if metric == 'segm':  # or pycocotools would take the boxes' areas
                found = [{key: value for key, value in f.items() if key != 'bbox'} for f in found]
            judge = COCOeval(self._coco_api, self._coco_api.loadRes(found), metric)
            judge.params.catIds, judge.params.imgIds = self.cat_ids, self.img_ids
            judge.params.maxDets, judge.params.iouThrs = [max(self.proposal_nums)], self.iou_thrs
            judge.evaluate()
            judge.accumulate()
        precision = judge.eval['precision'][:, :, :, 0]  # objects of all sizes
        return float(precision[precision > -1].mean()) if (precision > -1).any() else -1.0


def is_coco_metric(evaluator: ConfigDict) -> bool:
    """Whether an evaluator's config is mmdet's CocoMetric or one made of it."""
    kind = evaluator.get('type')
    kind = METRICS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, CocoMetric)


def detections_caps(model: ConfigDict) -> dict[str, int]:
    """Options that limit a detector's detections of a picture, with values; the last step first."""
    test_cfg = model.get('test_cfg') or {}
    stages = [f'{stage}.' for stage in ('rcnn', 'rpn') if stage in test_cfg] or ['']
    parts = {
        f'model.test_cfg.{stage}max_per_img': test_cfg.get(stage[:-1]) if stage else test_cfg
        for stage in stages
    }
    return {
        option: part['max_per_img']
        for option, part in parts.items()
        if part and isinstance(part.get('max_per_img'), int)
    }


def count_all(cfg: Config, evaluators: Sequence[ConfigDict]) -> list[str]:
    """Let COCO's evaluators count as many detections of a picture as the model returns.

    Returns:
        A line where that is more than COCO's 100.
    """
    option, most = next(iter(detections_caps(cfg.get('model') or {}).items()), ('', 0))
    ours = [e for e in evaluators if e.get('type') in ('CocoMetric', CocoMetric)]
    if most <= COCO_CAP or not ours:
        return []
    for evaluator in ours:
        evaluator.type = 'OCRNetCocoMetric'
        evaluator.setdefault('proposal_nums', (100, 300, max(1000, most)))
    return [
        f'mAP counts up to {most} detections of a picture, as {option} says; COCO counts {COCO_CAP}'
    ]
