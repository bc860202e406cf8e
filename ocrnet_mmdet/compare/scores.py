"""COCO scores of results in JSON: one call for our runs and for everybody else's."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..errors import InputError, shown

# The last counts. COCO's own is 100; pictures of cells have more objects.
MOST = [100, 300, 1000]
THRESHOLDS = {'': None, '_50': 0, '_75': 5}  # of COCO's ten IoU thresholds
AREAS = {'': 0, '_s': 1, '_m': 2, '_l': 3}


def read_results(file: Path) -> list[dict]:
    """Detections in COCO's results format.

    Raises:
        InputError: The file holds no COCO results.
    """
    try:
        results = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            f'{file} cannot be read as JSON ({shown(str(error))}): export COCO results'
        ) from error
    needed = {'image_id', 'category_id', 'score'}
    if not isinstance(results, list) or not all(
        isinstance(r, dict) and needed <= r.keys() for r in results
    ):
        raise InputError(
            f'{file} holds no COCO results: give a list of '
            f'{{"image_id", "category_id", "bbox", "score"}}'
        )
    if wrong := next((r for r in results if not _is_result(r)), None):
        raise InputError(
            f'{file}: {shown(wrong, 160)} is no COCO result: a score is a number, a bbox four of '
            'them (x, y, width, height), a segmentation run lengths or outlines; one of both is '
            'needed'
        )
    return results


def _is_result(result: dict) -> bool:
    def is_number(value: object) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    box, mask = result.get('bbox'), result.get('segmentation')
    whole = isinstance(box, list) and len(box) == 4 and all(map(is_number, box))
    return (
        is_number(result['score'])
        and (whole or ('bbox' not in result and bool(mask)))
        and ('segmentation' not in result or (bool(mask) and isinstance(mask, (dict, list))))
    )


def score(
    ann_file: Path, results: list[dict], kind: str, classes: Sequence[str] | None = None
) -> dict:
    """Scores of results, see :func:`scores_of`.

    Args:
        results: COCO results, boxes xywh in pixels of the picture.
        kind: ``bbox`` or ``segm``.
        classes: Names of the categories that count; None takes all.

    Raises:
        InputError: A result names a picture or a category that the annotations do not have.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(ann_file))
    unknown = {r['image_id'] for r in results} - set(truth.getImgIds())
    if unknown:
        raise InputError(
            f'results name the picture id {min(map(str, unknown))}, which {ann_file} does not '
            'have: predict the pictures of that file'
        )
    strange = {r['category_id'] for r in results} - set(truth.getCatIds())
    if strange:
        raise InputError(
            f'results name the category id {min(map(str, strange))}, {ann_file} has '
            f'{shown(sorted(truth.getCatIds()), 80)}: give its ids, which may not begin with 0'
        )
    wanted = None if classes is None else truth.getCatIds(catNms=list(classes))
    return scores_of(judged(truth, results, kind, wanted), kind)


def judged(
    truth: COCO,
    results: list[dict],
    kind: str,
    cat_ids: list[int] | None = None,
    by_size: bool = True,
) -> COCOeval:
    """pycocotools' judge of results, up to the last of ``MOST`` a picture and class counted.

    Args:
        results: See :func:`score`.
        cat_ids: Categories that count; None takes all.
        by_size: Whether AP by size is wanted, which takes four times as long.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        if kind == 'segm':  # or pycocotools would take the boxes' areas
            results = [{key: value for key, value in r.items() if key != 'bbox'} for r in results]
        found = truth.loadRes(results) if results else COCO()
        if not results:
            found.dataset = dict(truth.dataset, annotations=[])
            found.createIndex()
        judge = COCOeval(truth, found, kind)
        judge.params.maxDets = MOST
        judge.params.catIds = judge.params.catIds if cat_ids is None else cat_ids
        if not by_size:
            judge.params.areaRng, judge.params.areaRngLbl = judge.params.areaRng[:1], ['all']
        judge.evaluate()
        judge.accumulate()
    return judge


def scores_of(judge: COCOeval, kind: str) -> dict:
    """AP, AP50, AP75, AP by size, AR (0 to 1, by the records' column names) and AP by class.

    A figure of which the pictures have no object is left out.
    """
    # (T, R, K, A), (T, K, A)
    precision, recall = (
        judge.eval['precision'][..., -1],
        judge.eval['recall'][..., -1],
    )
    values = {
        f'{kind}_mAP{part}': _mean(precision[..., 0] if at is None else precision[at, ..., 0])
        for part, at in THRESHOLDS.items()
    }
    values |= {
        f'{kind}_mAP{part}': _mean(precision[..., area])
        for part, area in AREAS.items()
        if part and area < precision.shape[-1]
    }
    values[f'{kind}_AR'] = _mean(recall[..., 0])
    names = [judge.cocoGt.cats[i]['name'] for i in judge.params.catIds]
    by_class = {name: _mean(precision[:, :, k, 0]) for k, name in enumerate(names)}
    return dict(
        {key: value for key, value in values.items() if value is not None},
        by_class={name: value for name, value in by_class.items() if value is not None},
    )


def _mean(values: np.ndarray) -> float | None:
    known = values[values > -1]
    return round(float(known.mean()), 4) if known.size else None
