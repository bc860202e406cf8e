"""Vectors of pictures, of real nets with an aggregator and without."""

import numpy as np
import pytest
import torch

from ocrnet_mmdet.datasets.load_image import read_picture
from ocrnet_mmdet.predict import Predictor
from ocrnet_mmdet.suggest.vectors import VectorDetector, pooled


@pytest.fixture
def pictures(data):
    return sorted(data.glob('val/*.jpg'))


def vectors_of(checkpoint, paths, **options) -> np.ndarray:
    predictor = Predictor(checkpoint, device='cpu', **options)
    predictor.net.model = net = VectorDetector(predictor.net.model)
    rows = []
    for path in paths:
        net.clear()
        predictor.detect([path.name], [read_picture(str(path))])
        rows.append(net.mean())
    return np.array(rows)


def test_pooling_takes_the_mean_within_a_box():
    level = torch.arange(64.0).reshape(1, 1, 8, 8)
    rois = torch.tensor([[0, 16.0, 8, 48, 40]])  # columns 2 to 5, rows 1 to 4 at stride 8
    means = pooled((level, 2 * level[..., ::2, ::2]), rois, (64, 64))
    assert means.shape == (1, 2)
    assert means[0, 0] == pytest.approx(float(level[0, 0, 1:5, 2:6].mean()), abs=1e-3)


def test_vectors_differ_between_pictures_and_repeat(work_dir, pictures):
    rows = vectors_of(work_dir, [*pictures[:3], pictures[0]], score=0.0)
    assert rows.shape == (4, 16) and np.isfinite(rows).all()
    assert np.array_equal(rows[0], rows[3])
    assert np.linalg.norm(rows[0] - rows[1]) > 1e-3 < np.linalg.norm(rows[1] - rows[2])


def test_watching_changes_nothing_that_is_found(work_dir, pictures):
    plain, watched = (Predictor(work_dir, device='cpu', score=0.0) for _ in range(2))
    watched.net.model = VectorDetector(watched.net.model)
    image = read_picture(str(pictures[0]))
    (one,), (two,) = (p.detect(['x'], [image]) for p in (plain, watched))
    assert len(one) and one.record() == two.record()


def test_the_tiles_of_a_picture_give_one_mean(work_dir, pictures):
    whole, tiled = (vectors_of(work_dir, pictures[:1], score=0.0, tile=t) for t in (0, 48))
    assert tiled.shape == whole.shape
    # of layer-normed vectors the mean is no longer than they are, however many tiles there are
    assert 0 < np.linalg.norm(tiled) <= 4.001 and not np.allclose(tiled, whole)


def test_a_net_without_classifier_has_vectors_of_its_levels(pretrained_dir, pictures):
    rows = vectors_of(pretrained_dir, pictures[:2], score=0.0)
    assert np.isfinite(rows).all() and np.linalg.norm(rows[0] - rows[1]) > 1e-4


def test_a_picture_without_finds_has_the_whole_ones_vector(work_dir, pictures):
    predictor = Predictor(work_dir, device='cpu', score=0.0)
    predictor.net.model.roi_head.test_cfg.score_thr = 2.0
    predictor.net.model = net = VectorDetector(predictor.net.model)
    rows = []
    for path in pictures[:2]:
        net.clear()
        (found,) = predictor.detect([path.name], [read_picture(str(path))])
        assert len(found) == 0
        rows.append(net.mean())
    assert np.linalg.norm(rows[0] - rows[1]) > 1e-3
