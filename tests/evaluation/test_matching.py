"""Which detection finds which object: a brute-force search, COCO's own matches, crowds."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ocrnet_mmdet.evaluation.matching import as_xywh, matched, overlaps


def random_picture(seed):
    """15 detections around 6 objects and beside them, the best first; boxes xywh, two classes."""
    rng = np.random.default_rng(seed)
    objects = np.concatenate([rng.integers(0, 40, (6, 2)), rng.integers(8, 20, (6, 2))], 1)
    found = np.concatenate([objects, objects, objects[:3] + [60, 60, 0, 0]])
    found = found + rng.integers(-4, 5, (15, 4))
    rng.shuffle(found)
    return found.astype(float), rng.integers(0, 2, 15), objects.astype(float), rng.integers(0, 2, 6)


def iou_of(a, b):
    width, height = (
        max(0, min(a[k] + a[k + 2], b[k] + b[k + 2]) - max(a[k], b[k])) for k in (0, 1)
    )
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def test_matches_are_those_of_a_brute_force_search():
    met = 0
    for seed in range(40):
        found, labels, objects, classes = random_picture(seed)
        pairs = matched(overlaps(found, objects), labels[:, None] == classes, 0.5)
        free = set(range(len(objects)))
        for i, box in enumerate(found):
            near = {
                j: iou_of(box, objects[j])
                for j in sorted(free)
                if labels[i] == classes[j] and iou_of(box, objects[j]) >= 0.5
            }
            best = max(near, key=near.get, default=-1)
            assert pairs[i] == best, seed
            free -= {best}
        met += int((pairs >= 0).sum())
    assert met > 80


def coco_matches(found, labels, objects, classes, crowd):
    """Places of the objects that pycocotools matches, -1 for none, and which it ignores."""
    truth = COCO()
    truth.dataset = dict(
        images=[dict(id=1)],
        categories=[dict(id=0), dict(id=1)],
        annotations=[
            dict(
                id=j + 1,
                image_id=1,
                category_id=int(c),
                iscrowd=int(crowd[j]),
                bbox=box.tolist(),
                area=float(box[2] * box[3]),
            )
            for j, (box, c) in enumerate(zip(objects, classes))
        ],
    )
    results = [
        dict(image_id=1, category_id=int(c), bbox=box.tolist(), score=1 - i / 100)
        for i, (box, c) in enumerate(zip(found, labels))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(results), 'bbox')
        judge.params.iouThrs = np.array([0.5])
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ['all']
        judge.evaluate()
    pairs, ignored = np.full(len(found), -1), np.zeros(len(found), bool)
    for each in filter(None, judge.evalImgs):
        places = np.array(each['dtIds']) - 1  # results are numbered from 1
        pairs[places] = each['dtMatches'][0].astype(int) - 1
        ignored[places] = each['dtIgnore'][0]
    return pairs, ignored


def test_matches_are_those_of_pycocotools():
    for seed in range(20):
        picture = random_picture(seed)
        found, labels, objects, classes = picture
        pairs = matched(overlaps(found, objects), labels[:, None] == classes, 0.5)
        assert pairs.tolist() == coco_matches(*picture, np.zeros(6, bool))[0].tolist(), seed


def test_what_lies_in_a_crowd_is_what_pycocotools_ignores():
    met = 0
    for seed in range(20):
        found, labels, objects, classes = random_picture(seed)
        objects[0] = (0, 0, 45, 30)
        crowd = np.arange(6) == 0
        same = labels[:, None] == classes
        overlap = overlaps(found, objects, crowd)
        pairs = matched(overlap, same & ~crowd, 0.5)
        inside = (pairs < 0) & (overlap[:, 0] >= 0.5) & same[:, 0]
        own, ignored = coco_matches(found, labels, objects, classes, crowd)
        assert inside.tolist() == ignored.tolist(), seed
        assert pairs[~ignored].tolist() == own[~ignored].tolist(), seed
        met += int(inside.sum())
    assert met > 20


def test_an_object_is_found_by_the_first_one_alone():
    overlap = np.array([[0.6, 0.5], [0.9, 0.2], [0.5, 0.5]])
    assert matched(overlap, np.ones((3, 2), bool), 0.5).tolist() == [0, -1, 1]
    assert matched(overlap, np.array([[0, 1], [1, 1], [1, 1]], bool), 0.5).tolist() == [1, 0, -1]


@pytest.mark.parametrize('n, m', [(0, 0), (0, 3), (3, 0)])
def test_of_nothing_nothing_is_found(n, m):
    overlap = overlaps(np.ones((n, 4)), np.ones((m, 4)))
    assert overlap.shape == (n, m)
    assert matched(overlap, np.ones((n, m), bool), 0.5).tolist() == [-1] * n


def test_masks_overlap_by_their_pixels():
    masks = np.zeros((3, 8, 8), np.uint8)
    masks[0, :4, :4] = masks[1, :4, :2] = masks[2, 4:, 4:] = 1
    runs = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0)))
    assert overlaps(runs[:1], runs).tolist() == [[1, 0.5, 0]]


def test_boxes_are_given_their_width_and_height():
    boxes = np.array([[1, 2, 4, 8]], np.float32)
    assert as_xywh(boxes).tolist() == [[1, 2, 3, 6]] and boxes.tolist() == [[1, 2, 4, 8]]
