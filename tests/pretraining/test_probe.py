import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.hooks import Hook

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.probe import (
    Probe,
    background_boxes,
    balanced_accuracy,
    region_vectors,
    ridge_classes,
)

from ..detectors import ocrnet_config, tiny
from .runs import SIDE, make_config, start, write_pictures

COLOURS = ((30, 30, 220), (220, 30, 30))


def write_labelled(folder, count: int = 8, crowd: bool = False, colours=COLOURS) -> dict:
    """Pictures 96 x 64 px with a box of each class; the arguments of a Probe."""
    rng, annotations = np.random.default_rng(0), []
    folder.mkdir(exist_ok=True)
    for i in range(count):
        image = rng.integers(110, 130, (64, 96, 3)).astype(np.uint8)
        for label, colour in enumerate(colours):
            x, y = 48 * label + int(rng.integers(2, 22)), int(rng.integers(2, 40))
            image[y : y + 20, x : x + 24] = colour
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i,
                    category_id=7 - label,
                    bbox=[x, y, 24, 20],
                    area=480,
                    iscrowd=int(crowd),
                )
            )
        cv2.imwrite(str(folder / f'{i}.png'), image)
    images = [dict(id=i, file_name=f'{i}.png', width=96, height=64) for i in range(count)]
    categories = [dict(id=6, name='blue'), dict(id=7, name='red')]
    (folder / 'labels.json').write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=categories))
    )
    return dict(data_root=str(folder), ann_file='labels.json', size=SIDE)


def test_boxes_lie_on_objects_and_background_beside_them(tmp_path):
    probe = Probe(**write_labelled(tmp_path))
    for picture, boxes, labels in zip(probe.images, probe.boxes, probe.labels):
        assert labels[:2].tolist() == [1, 0] and (labels[2:] == 2).all() and len(labels) == 4
        for (x0, y0, x1, y1), label in zip(boxes[:2].round().int().tolist(), labels):
            inner = picture[:, y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].float().mean((1, 2))
            assert inner.tolist() == pytest.approx(COLOURS[1 - label], abs=2)
        assert (bbox_overlaps(boxes[2:], boxes[:2]) < 0.3).all()
        assert boxes.min() >= 0 and boxes.max() <= SIDE


def test_background_boxes_have_the_objects_sizes():
    objects = torch.tensor([[10.0, 10, 30, 50], [40, 40, 52, 44]])
    found = background_boxes(objects, 20, 64, np.random.default_rng(0))
    assert len(found) == 20
    sides = {tuple(side) for side in (found[:, 2:] - found[:, :2]).round().int().tolist()}
    assert sides == {(20, 40), (12, 4)}
    assert not len(
        background_boxes(torch.tensor([[0.0, 0, 64, 64]]), 5, 64, np.random.default_rng(0))
    )


def test_ridge_is_the_weighted_least_squares_solution():
    """Against an optimiser on the stated objective."""
    torch.manual_seed(0)
    labels = torch.tensor([3] * 40 + [5] * 10)
    vectors = torch.randn(50, 4).double() + 3 * (labels == 5)[:, None]
    asked = torch.randn(200, 4).double() + 1.5
    guesses = ridge_classes(vectors, labels, asked)
    weight = torch.where(labels == 3, 1 / 80, 1 / 20).double()[:, None]
    mean = (weight * vectors).sum(0)
    scale = (weight * (vectors - mean) ** 2).sum(0).sqrt()
    x, y = (vectors - mean) / scale, (labels == 5).double()[:, None] - 0.5
    w = torch.zeros(4, 1, dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([w], max_iter=200, tolerance_grad=1e-12)

    def loss():
        optimiser.zero_grad()
        value = (weight * (x @ w - y) ** 2).sum() + 0.1 * w.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    expected = torch.where(((asked - mean) / scale @ w)[:, 0] > 0, 5, 3)
    assert guesses.equal(expected) and 20 < (guesses == 5).sum() < 180


def test_every_fitted_class_weighs_alike():
    labels = torch.tensor([0, 0, 0, 0, 1, 2])
    guesses = torch.tensor([0, 0, 0, 0, 0, 0])
    assert balanced_accuracy(guesses, labels, torch.tensor([0, 1])) == (0.5, 0.5)


def test_colours_are_told_apart_and_shuffled_labels_are_not(tmp_path):
    probe = Probe(**write_labelled(tmp_path, 16))
    detector = tiny(ocrnet_config()).eval()
    accuracy, chance = probe.accuracy(detector)
    assert chance == pytest.approx(1 / 3) and accuracy > 0.85
    rng = torch.Generator().manual_seed(0)
    probe.labels = [label[torch.randperm(len(label), generator=rng)] for label in probe.labels]
    assert probe.accuracy(detector)[0] < 0.6


def test_the_vectors_are_what_the_classifier_reads(tmp_path):
    """Through it they give the detector's own scores."""
    probe = Probe(**write_labelled(tmp_path, 2))
    detector = tiny(ocrnet_config()).eval()
    vectors = region_vectors(detector, probe.images[0], probe.boxes[0])
    levels = detector.extract_feat(
        detector.data_preprocessor(dict(inputs=[probe.images[0]]), False)['inputs']
    )
    rois = torch.cat([torch.zeros(4, 1), probe.boxes[0]], 1)
    scores = detector.roi_head._bbox_forward(levels, rois)['cls_score']
    torch.testing.assert_close(detector.roi_head.bbox_head.fc_cls(vectors.float()), scores)


class Scores(Hook):
    def __init__(self) -> None:
        self.at = {}

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        for key, value in runner.message_hub.log_scalars.items():
            if 'probe' in key:
                self.at.setdefault(key, []).append((runner.iter + 1, value.current()))


def test_a_probe_is_logged_and_leaves_the_run_as_it_is(tmp_path):
    pictures, states, scores = write_pictures(tmp_path / 'pictures', 4), [], Scores()
    probe = dict(write_labelled(tmp_path / 'labelled', 4), interval=2)
    for name, given in (('with', probe), ('without', None)):
        cfg = make_config(pictures, tmp_path / name, 3)
        cfg.train_dataloader.batch_size = 2
        cfg.default_hooks.probe.update(given or {})
        runner = start(cfg, *([scores] if given else []))
        states.append(runner.model.state_dict())
    assert states[0].keys() == states[1].keys()
    assert not [key for key in states[0] if not states[0][key].equal(states[1][key])]
    assert {key: steps[0][0] for key, steps in scores.at.items()} == {
        'train/probe_accuracy': 2,
        'train/probe_chance': 2,
    }
    assert 'probe_accuracy: ' in next((tmp_path / 'with').glob('*/*.log')).read_text()


@pytest.mark.parametrize(
    'spoil, words',
    [
        (dict(ann_file='absent.json'), 'probe: there is no annotation file .*absent.json'),
        (dict(img_dir='absent'), 'probe: there is no picture folder .*absent'),
        (dict(crowd=True), 'labels.json: none of its 8 images has an object .* 16 crowds'),
        (dict(count=1), r'labels.json has too few images .* \(1\)'),
    ],
)
def test_a_probe_that_cannot_be_used_is_refused(tmp_path, spoil, words):
    spoil = dict(spoil)
    given = write_labelled(tmp_path, spoil.pop('count', 8), spoil.pop('crowd', False)) | spoil
    with pytest.raises(InputError, match=words):
        Probe(**given)
