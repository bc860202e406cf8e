"""What a checkpoint predicts from Python: as tools/test.py does, alone and in batches."""

import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
from mmdet.evaluation import DumpDetResults
from pycocotools import mask as coco_mask

from ocrnet_mmdet import Predictor
from ocrnet_mmdet.errors import InputError

from ..trainings import make_config, scorer_of


@pytest.fixture(scope='module')
def detect(work_dir):
    return Predictor(work_dir, score=0.0, device='cpu')


def test_it_predicts_what_the_test_tool_does(detect, data, work_dir, tmp_path):
    cfg = make_config(data, tmp_path, image_scale=96)
    runner = scorer_of(cfg, work_dir / 'iter_2.pth')
    runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=f'{tmp_path}/out.pkl'))
    runner.test()
    scored = pickle.loads((tmp_path / 'out.pkl').read_bytes())
    assert len(scored) == 5
    for theirs in scored:
        (ours,) = detect(theirs['img_path'])
        instances = theirs['pred_instances']
        order = instances['scores'].argsort(descending=True, stable=True)
        assert len(ours) == len(order) > 0
        assert ours.boxes == pytest.approx(instances['bboxes'][order].numpy(), abs=1e-4)
        assert ours.scores == pytest.approx(instances['scores'][order].numpy(), abs=1e-6)
        assert ours.labels.tolist() == instances['labels'][order].tolist()
        for mask, i in zip(ours.masks, order.tolist()):
            assert (mask == coco_mask.decode(instances['masks'][i]).astype(bool)).all()


def test_a_batch_finds_what_single_pictures_do(detect, data):
    files = sorted(map(str, (data / 'val').iterdir()))
    wide = cv2.imread(files[0])[:60]  # of another size: goes by itself
    images = [*map(cv2.imread, files), wide]
    alone = list(detect(images))
    detect.batch = 4
    together = list(detect(images))
    detect.batch = 1
    for one, other in zip(alone, together, strict=True):
        assert other.boxes == pytest.approx(one.boxes, abs=1e-3)
        assert other.labels.tolist() == one.labels.tolist()


def test_score_and_top_leave_the_best(detect, data, work_dir):
    picture = sorted((data / 'val').iterdir())[0]
    (everything,) = detect(picture)
    least = float(everything.scores[2])
    (some,) = Predictor(work_dir, score=least, top=2)(picture)
    assert some.scores.tolist() == everything.scores[:2].tolist()
    assert some.names == [detect.classes[label] for label in some.labels] and len(some.masks) == 2


def test_a_damaged_picture_is_an_error_in_python(detect, tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'')
    with pytest.raises(InputError, match='a.jpg: cannot be read: the file is empty'):
        list(detect([tmp_path / 'a.jpg']))


def test_a_picture_too_thin_for_the_net_is_named(detect):
    with pytest.raises(InputError, match='4000 x 1 px cannot be brought'):
        detect.tile, before = 0, detect.tile
        try:
            list(detect(np.zeros((1, 4000, 3), np.uint8)))
        finally:
            detect.tile = before


@pytest.mark.parametrize(
    'option', [dict(score=1.5), dict(top=0), dict(batch=0), dict(tile=-3), dict(overlap=1.0)]
)
def test_numbers_that_cannot_be_meant_are_refused(option):
    with pytest.raises(InputError, match=next(iter(option))):
        Predictor('any.pth', **option)


def test_importing_the_package_does_not_import_the_predictor():
    program = (
        'import sys, ocrnet_mmdet; assert "ocrnet_mmdet.predict" not in sys.modules; '
        'from ocrnet_mmdet import Predictor; print(Predictor.__name__)'
    )
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', program], capture_output=True)
    assert done.stdout.split()[-1] == b'Predictor', done.stderr
