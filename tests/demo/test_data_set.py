"""The generated demo set: reproducible, rightly labelled, written whole or not at all."""

import functools
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from demo import data_set
from demo.data_set import make_demo_set, visible_polygons
from demo.scene import CLASSES, MIN_AREA, OUTLINES, _area, _cover, _place, draw_scene
from ocrnet_mmdet.errors import InputError

SMALL = dict(train=3, val=2, unlabelled=2, size=96, seed=5)


@functools.cache
def scenes(count=60, size=160):
    return [draw_scene(size, np.random.default_rng([7, i])) for i in range(count)]


def rasterised(polygons, size):
    rles = coco_mask.frPyObjects(polygons, size, size)
    return coco_mask.decode(coco_mask.merge(rles)).astype(bool)


def contents(folder):
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    return {os.path.relpath(path, folder): Path(path).read_bytes() for path in paths}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (('a', 5), ('b', 5), ('c', 6)):
        make_demo_set(str(tmp_path / name), **dict(SMALL, seed=seed))
    a, b, c = (contents(tmp_path / name) for name in 'abc')
    assert a == b
    assert len(a) == 3 + 2 + 2 + 2
    pictures = [name for name in a if name.endswith('.jpg')]
    assert all(a[name] != c[name] for name in pictures)
    assert len({a[name] for name in pictures}) == len(pictures)


def test_a_picture_and_its_labels_do_not_depend_on_the_counts(tmp_path):
    make_demo_set(str(tmp_path / 'few'), **SMALL)
    make_demo_set(str(tmp_path / 'more'), **dict(SMALL, train=5, val=4))
    few, more = contents(tmp_path / 'few'), contents(tmp_path / 'more')
    assert all(few[name] == more[name] for name in few if name.endswith('.jpg'))
    for split in ('train', 'val'):
        short, long = (
            json.loads(c[f'annotations/{split}.json'])['annotations'] for c in (few, more)
        )
        assert long[: len(short)] == short and len(long) > len(short)


def test_polygons_decode_to_the_visible_mask():
    """IoU >= 0.9 in pycocotools for objects of 12 px and more, holes and cut pieces included."""
    overlaps, pieces = [], 0
    for _, objects in scenes():
        for found in objects:
            rows, columns = (np.flatnonzero(found.mask.any(axis)) for axis in (1, 0))
            if max(np.ptp(rows), np.ptp(columns)) + 1 < 12:
                continue
            polygons = visible_polygons(found.mask)
            pieces += len(polygons) > 1
            drawn = rasterised(polygons, 160)
            overlaps.append((drawn & found.mask).sum() / (drawn | found.mask).sum())
    assert len(overlaps) > 100 and pieces > 5
    assert min(overlaps) >= 0.9
    assert np.mean(overlaps) >= 0.985


def test_a_ring_keeps_its_hole():
    rng = np.random.default_rng(0)
    outline = _place(OUTLINES[CLASSES.index('ring')](rng), 60, 160, rng)
    outline = [c - c.mean(0) + 80 for c in outline]
    drawn = rasterised(visible_polygons(_cover(outline, 160) > 0.5), 160)
    # a filled disc would have 1.25 to 1.7 times the area
    assert not drawn[80, 80] and drawn.sum() == pytest.approx(_area(outline), rel=0.05)


def test_covers_lie_where_their_outlines_do():
    """Pixel j covers [j, j + 1): the cover's area and centroid are the outline's."""
    for shift in (0.0, 0.3, 0.5, 0.8):
        box = np.array([(10, 20), (30, 20), (30, 28), (10, 28)]) + shift
        cover = _cover([box], 64)
        y, x = np.mgrid[:64, :64] + 0.5
        centre = (cover * x).sum() / cover.sum(), (cover * y).sum() / cover.sum()
        assert centre == pytest.approx((20 + shift, 24 + shift), abs=0.15)
        # fillPoly also fills the fine pixels under the outline: 1 / 4 px each way at most
        assert 160 <= cover.sum() <= 20.5 * 8.5 + 1


def test_every_object_is_visible_enough():
    for _, objects in scenes():
        masks = np.array([found.mask for found in objects])
        assert masks.sum(0).max() <= 1
        assert masks.sum((1, 2)).min() >= MIN_AREA


def test_boxes_are_tight_around_the_visible_part(tmp_path):
    make_demo_set(str(tmp_path / 'set'), **SMALL)
    coco = COCO(str(tmp_path / 'set/annotations/train.json'))
    for annotation in coco.dataset['annotations']:
        points = np.concatenate([np.reshape(p, (-1, 2)) for p in annotation['segmentation']])
        x, y, w, h = annotation['bbox']
        extent = np.concatenate([points.min(0), points.max(0)])
        assert np.abs(extent - (x, y, x + w, y + h)).max() <= 1
        area = int(coco.annToMask(annotation).sum())
        assert area == pytest.approx(annotation['area'], rel=0.1, abs=5)


def test_classes_and_sizes_are_spread_out():
    objects = [found for _, objects in scenes() for found in objects]
    counts = np.bincount([found.label for found in objects], minlength=len(CLASSES))
    assert counts.min() > 0.1 * counts.sum()
    sides = [max(np.ptp(np.flatnonzero(f.mask.any(a))) + 1 for a in (0, 1)) for f in objects]
    shares = np.histogram(sides, [0, 20, 40, 160])[0] / len(sides)
    assert shares.min() > 0.15


def test_colour_hints_at_the_class_and_does_not_give_it_away():
    """How often the nearest class mean of an object's mean colour is right; chance is 0.2."""
    colours, labels = [], []
    for picture, objects in scenes(100, size=64):
        for found in objects:
            colours.append(picture[found.mask].mean(0))
            labels.append(found.label)
    colours, labels = np.array(colours), np.array(labels)
    half = len(labels) // 2
    means = [colours[:half][labels[:half] == k].mean(0) for k in range(len(CLASSES))]
    guess = np.linalg.norm(colours[half:, None] - np.array(means), axis=-1).argmin(1)
    assert 0.3 < (guess == labels[half:]).mean() < 0.7


def test_pictures_have_contrast_and_are_not_black_or_white():
    for picture, _ in scenes():
        assert picture.dtype == np.uint8 and picture.shape == (160, 160, 3)
        assert picture.std() > 15 and 30 < picture.mean() < 225


def test_a_set_cut_off_is_not_taken_for_a_finished_one(tmp_path, monkeypatch):
    out = str(tmp_path / 'set')
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        count = iter(range(4))

        def write_then_stop(*args):
            if next(count) == 3:
                raise KeyboardInterrupt
            return cv2.imwrite(*args)

        patch.setattr(data_set.cv2, 'imwrite', write_then_stop, raising=True)
        make_demo_set(out, **SMALL)
    assert not os.path.exists(out)
    make_demo_set(out, **SMALL)
    assert len(contents(out)) == 9 and os.listdir(tmp_path) == ['set']


def test_a_finished_set_of_the_same_settings_is_kept(tmp_path):
    out = str(tmp_path / 'set')
    make_demo_set(out, **SMALL)
    before = {name: os.stat(os.path.join(out, name)).st_mtime_ns for name in contents(out)}
    make_demo_set(out, **SMALL)
    assert before == {name: os.stat(os.path.join(out, name)).st_mtime_ns for name in contents(out)}


def test_foreign_files_are_refused_and_left_alone(tmp_path):
    out = str(tmp_path / 'set')
    make_demo_set(out, **SMALL)
    before = contents(out)
    with pytest.raises(InputError, match=r'other settings .*remove it or name another folder'):
        make_demo_set(out, **dict(SMALL, seed=6))
    assert contents(out) == before
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/thesis.txt').write_text('years of work')
    with pytest.raises(InputError, match='mine holds something else'):
        make_demo_set(str(tmp_path / 'mine'), **SMALL)
    assert (tmp_path / 'mine/thesis.txt').read_text() == 'years of work'


@pytest.mark.parametrize('wrong', [dict(train=0), dict(size=16), dict(seed=-1)])
def test_settings_out_of_range_are_named(tmp_path, wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=f'{name} is {value}, expected'):
        make_demo_set(str(tmp_path / 'set'), **dict(SMALL, **wrong))
    assert not os.listdir(tmp_path)
