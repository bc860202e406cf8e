"""Kinds of mistakes: constructed ones, a brute-force search, and COCO's own matching."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ocrnet_mmdet.look.mistakes import (
    BADLY_PLACED,
    DOUBLE,
    FALSE_ALARM,
    FOUND,
    IGNORED,
    KINDS,
    MISSED,
    WRONG_CLASS,
    judge,
)


def boxes(*rows):
    return np.array(rows, float).reshape(-1, 4)


def test_each_kind_is_told_on_a_constructed_picture():
    objects = boxes(
        (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (60, 0, 70, 10), (0, 50, 99, 99)
    )
    detections = {
        FOUND: (0, 0, 10, 9),
        DOUBLE: (0, 0, 10, 8),
        WRONG_CLASS: (20, 0, 30, 9),
        BADLY_PLACED: (46, 0, 56, 10),
        FALSE_ALARM: (80, 0, 90, 10),
        IGNORED: (5, 60, 15, 70),
    }
    labels = np.array([0, 0, 1, 0, 0, 0])
    scores = np.linspace(0.9, 0.4, 6)
    crowd = np.array([False] * 4 + [True])
    judged = judge(boxes(*detections.values()), labels, scores, objects, np.zeros(5, int), crowd)
    assert judged.kinds == list(detections)
    assert judged.objects.tolist() == [0, 0, 1, 2, -1, 4]
    assert judged.missed.tolist() == [False, False, False, True, False]
    assert [judged.count(kind) for kind in KINDS] == [1] * 6


def test_the_better_detection_is_the_one_that_found_it():
    judged = judge(
        boxes((0, 0, 10, 8), (0, 0, 10, 10)),
        np.zeros(2, int),
        np.array([0.3, 0.8]),
        boxes((0, 0, 10, 10)),
        np.zeros(1, int),
        np.zeros(1, bool),
    )
    assert judged.kinds == [DOUBLE, FOUND]


@pytest.mark.parametrize('counts', [(0, 0), (0, 2), (2, 0)])
def test_pictures_without_objects_or_detections_are_judged(counts):
    n, m = counts
    judged = judge(
        boxes(*[(0, 0, 9, 9)] * n), np.zeros(n, int), np.ones(n),
        boxes(*[(0, 0, 9, 9)] * m), np.zeros(m, int), np.zeros(m, bool),
    )  # fmt: skip
    assert judged.kinds == [FALSE_ALARM] * n and judged.count(MISSED) == m


def random_picture(seed):
    """Detections around objects and beside them, two classes, whole pixels."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 40, (6, 2))
    objects = np.concatenate([start, start + rng.integers(8, 20, (6, 2))], 1).astype(float)
    found = np.concatenate([objects, objects, objects[:3] + 60]) + rng.integers(-4, 5, (15, 4))
    scores = rng.permutation(15) / 20 + 0.1  # all different
    return found, rng.integers(0, 2, 15), scores, objects, rng.integers(0, 2, 6)


def area_of(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def iou_of(a, b):
    return area_of(a, b) / (area_of(a, a) + area_of(b, b) - area_of(a, b))


def by_brute_force(found, labels, scores, objects, classes):
    """The definitions again, a loop a sentence."""
    kinds, used = [''] * len(found), set()
    for i in sorted(range(len(found)), key=lambda i: -scores[i]):
        pairs = [(iou_of(found[i], o), labels[i] == c, j)
                 for j, (o, c) in enumerate(zip(objects, classes))]  # fmt: skip
        free = [(iou, j) for iou, same, j in pairs if same and j not in used and iou >= 0.5]
        if free:
            used.add(max(free, key=lambda pair: (pair[0], -pair[1]))[1])
            kinds[i] = FOUND
        elif any(same and iou >= 0.5 for iou, same, _ in pairs):
            kinds[i] = DOUBLE
        elif any(not same and iou >= 0.5 for iou, same, _ in pairs):
            kinds[i] = WRONG_CLASS
        elif any(same and iou >= 0.1 for iou, same, _ in pairs):
            kinds[i] = BADLY_PLACED
        else:
            kinds[i] = FALSE_ALARM
    return kinds


def test_kinds_are_those_of_a_brute_force_search():
    met = set()
    for seed in range(40):
        picture = random_picture(seed)
        judged = judge(*picture, np.zeros(6, bool))
        assert judged.kinds == by_brute_force(*picture), seed
        met |= set(judged.kinds)
    assert met == {FOUND, DOUBLE, WRONG_CLASS, BADLY_PLACED, FALSE_ALARM}


@contextlib.contextmanager
def silent():
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def test_found_is_what_pycocotools_matches():
    for seed in range(10):
        found, labels, scores, objects, classes = random_picture(seed)
        sizes = np.concatenate([objects[:, :2], objects[:, 2:] - objects[:, :2]], 1)
        truth = COCO()
        truth.dataset = dict(
            images=[dict(id=1)],
            categories=[dict(id=0), dict(id=1)],
            annotations=[
                dict(id=j + 1, image_id=1, category_id=int(c), iscrowd=0, bbox=box.tolist(),
                     area=float(box[2] * box[3]))
                for j, (box, c) in enumerate(zip(sizes, classes))
            ],
        )  # fmt: skip
        results = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], 1).tolist()
        with silent():
            truth.createIndex()
            answer = truth.loadRes(
                [dict(image_id=1, category_id=int(c), bbox=box, score=float(s))
                 for box, c, s in zip(results, labels, scores)]
            )  # fmt: skip
            evaluation = COCOeval(truth, answer, 'bbox')
            evaluation.params.iouThrs = np.array([0.5])
            evaluation.params.areaRng = [[0, 1e10]]
            evaluation.params.areaRngLbl = ['all']
            evaluation.evaluate()
        matched = sum(int((e['dtMatches'] > 0).sum()) for e in evaluation.evalImgs if e)
        assert (
            judge(found, labels, scores, objects, classes, np.zeros(6, bool)).count(FOUND)
            == matched
        )
