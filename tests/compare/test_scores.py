import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ocrnet_mmdet.compare.scores import read_results, score
from ocrnet_mmdet.errors import InputError

BOXES = [[10, 10, 20, 20], [50, 40, 40, 30], [5, 60, 100, 100]]


@pytest.fixture
def truth(tmp_path):
    annotations = [
        dict(
            id=3 * i + k + 1,
            image_id=i,
            category_id=k % 2 + 1,
            bbox=box,
            area=box[2] * box[3],
            iscrowd=0,
            segmentation=[],
        )
        for i in (1, 2)
        for k, box in enumerate(BOXES)
    ]
    file = tmp_path / 'val.json'
    file.write_text(
        json.dumps(
            dict(
                images=[dict(id=i, width=200, height=200, file_name=f'{i}.jpg') for i in (1, 2)],
                annotations=annotations,
                categories=[dict(id=k, name=f'kind{k}') for k in (1, 2)],
            )
        )
    )
    return file


def results():
    rng = np.random.default_rng(0)
    return [
        dict(
            image_id=i,
            category_id=k % 2 + 1,
            bbox=(np.array(box) + rng.normal(0, 2, 4)).tolist(),
            score=float(rng.random()),
        )
        for i in (1, 2)
        for k, box in enumerate(BOXES * 2)
    ]


def test_scores_are_those_of_pycocotools(truth):
    judge = COCOeval(COCO(str(truth)), COCO(str(truth)).loadRes(results()), 'bbox')
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    found = score(truth, results(), 'bbox')
    names = ('', '_50', '_75', '_s', '_m', '_l')
    assert [found[f'bbox_mAP{part}'] for part in names] == pytest.approx(judge.stats[:6], abs=1e-4)
    assert found['bbox_AR'] == pytest.approx(judge.stats[8], abs=1e-4)
    assert np.mean(list(found['by_class'].values())) == pytest.approx(judge.stats[0], abs=1e-4)


def test_no_detection_scores_nothing(truth):
    assert score(truth, [], 'bbox')['bbox_mAP'] == 0


def test_results_of_other_pictures_are_refused(truth):
    with pytest.raises(InputError, match='picture id 7'):
        score(truth, [dict(image_id=7, category_id=1, bbox=BOXES[0], score=1.0)], 'bbox')


@pytest.mark.parametrize('text', ['{', '{}', '[1]', '[{"image_id": 1}]'])
def test_a_file_of_no_results_is_refused(tmp_path, text):
    (tmp_path / 'r.json').write_text(text)
    with pytest.raises(InputError, match='COCO results'):
        read_results(tmp_path / 'r.json')


@pytest.mark.parametrize(
    'change',
    [
        dict(score='0.9'),
        dict(bbox=[1, 2, 3]),
        dict(bbox=None),
        dict(bbox=[1, 2, 3, 'x']),
        dict(segmentation=[]),
        dict(segmentation=None),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, change):
    file = tmp_path / 'other.json'
    file.write_text(json.dumps([*results(), results()[0] | change]))
    with pytest.raises(InputError, match='is no COCO result'):
        read_results(file)


def test_ids_from_0_are_refused_and_not_scored_as_nothing(truth):
    shifted = [r | dict(category_id=r['category_id'] - 1) for r in results()]
    with pytest.raises(InputError, match=r'category id 0, .* has \[1, 2\]'):
        score(truth, shifted, 'bbox')


def test_a_class_that_was_not_trained_does_not_count(truth):
    one = [r for r in results() if r['category_id'] == 1]
    alone, both = (score(truth, one, 'bbox', names) for names in (['kind1'], None))
    assert alone['bbox_mAP'] > 0.1
    assert alone['bbox_mAP'] == pytest.approx(2 * both['bbox_mAP'], abs=2e-4)
    assert set(alone['by_class']) == {'kind1'}
