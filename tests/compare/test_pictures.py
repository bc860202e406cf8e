"""The pictures of the page: which are chosen, what is drawn, how large they are."""

import base64
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from demo.data_set import make_demo_set
from ocrnet_mmdet.compare import pictures
from ocrnet_mmdet.compare.pictures import FOUND, TRUTH, Boxes, Truth, f1, show

BOX, FAR = [10, 10, 20, 20], [50, 50, 20, 20]


def boxes(*items):
    return Boxes(
        np.array([box for box, _ in items], float).reshape(-1, 4),
        np.array([number for _, number in items], int),
    )


@pytest.mark.parametrize(
    'found, expected',
    [
        ([(BOX, 1), (FAR, 2)], 1.0),
        ([(BOX, 1)], 2 / 3),
        ([(BOX, 1), (BOX, 1), (FAR, 2)], 4 / 5),  # the second one finds nothing more
        ([(BOX, 2), (FAR, 1)], 0.0),
        ([([17, 10, 20, 20], 1), (FAR, 2)], 1 / 2),  # an IoU of 13 / 27
        ([], 0.0),
    ],
)
def test_f1_counts_each_object_once(found, expected):
    assert f1(boxes(*found), boxes((BOX, 1), (FAR, 2))) == pytest.approx(expected)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Generated val pictures, with results that are right on the first ones alone."""
    folder = tmp_path_factory.mktemp('pictures')
    make_demo_set(str(folder), train=1, val=4, unlabelled=0, size=64)
    data = json.loads((folder / 'annotations/val.json').read_text())
    results = [
        dict(
            image_id=a['image_id'],
            category_id=a['category_id'],
            bbox=a['bbox'],
            score=0.9 if a['image_id'] != data['images'][-1]['id'] else 0.2,
        )
        for a in data['annotations']
    ]
    (folder / 'good.json').write_text(json.dumps(results))
    (folder / 'none.json').write_text('[]')
    return folder


def shown(folder):
    truth = Truth(folder / 'annotations/val.json', Path(folder))
    return show(truth, dict(good=folder / 'good.json', none=folder / 'none.json'))


def pixels(panel):
    """A panel's picture, RGB."""
    data = base64.b64decode(panel.uri.removeprefix('data:image/jpeg;base64,'))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def share_of(colour, picture):
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((np.abs(picture - rgb).max(-1) < 40).mean())


def test_every_detector_has_the_same_pictures(folder):
    found = shown(folder)
    assert [title.split(':')[0] for title, _ in found.rows] == ['best', 'median', 'worst']
    for _, panels in found.rows:
        assert [panel.title for panel in panels] == ['labels', 'good', 'none']
        assert len({pixels(panel).shape for panel in panels}) == 1
    words = [panels[1].words for _, panels in found.rows]
    assert 'F1 1.00' in words[0] and '0 found, 0 right, F1 0.00' in words[2]
    assert 'by F1 of what good found' in found.rule and len(found.classes) == 5


def test_labels_and_detections_have_colours_of_their_own(folder):
    _, (labels, good, none) = shown(folder).rows[0]
    colours = {panel.title: pixels(panel) for panel in (labels, good, none)}
    assert share_of(TRUTH, colours['labels']) > 0.01 > share_of(FOUND, colours['labels'])
    assert share_of(FOUND, colours['good']) > 0.01 > share_of(FOUND, colours['none'])
    assert share_of(TRUTH, colours['none']) > 0.002  # what was missed is to be seen


def test_many_pictures_are_drawn_smaller(folder, monkeypatch):
    sides = [max(pixels(panel).shape) for _, panels in shown(folder).rows for panel in panels]
    assert set(sides) == {640}
    monkeypatch.setattr(pictures, 'MOST_BYTES', 200_000)
    panels = [panel for _, panels in shown(folder).rows for panel in panels]
    assert max(pixels(panels[0]).shape) < 640
    assert sum(len(panel.uri) for panel in panels) < 200_000
