"""One line says that scale and crop do not fit the objects, with those that do."""

import numpy as np
import pytest
from mmdet.registry import TRANSFORMS
from mmengine.config import Config

from ocrnet_mmdet.datasets.object_sizes import fitting, misfits, shares, too_small, view_of
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT


def pipeline(scale=384, crop=128, zoom=(0.7, 1.4), least=(4, 4)):
    return [
        dict(type='LoadImageFromFile'),
        dict(type='RandomResize', scale=(scale, scale), ratio_range=zoom, keep_ratio=True),
        dict(type='RandomCrop', crop_size=(crop, crop)),
        dict(type='FilterAnnotations', min_gt_bbox_wh=least),
    ]


def objects(side, size=(640, 480), count=200):
    """Square objects of about a side in pictures of a size."""
    rng = np.random.default_rng(0)
    sides = np.full(count, side) * rng.uniform(0.9, 1.1, count)
    corner = rng.uniform(0, np.array(size) - side * 1.1, (count, 2))
    return np.column_stack([corner, sides, sides]), np.tile(np.array(size, float), (count, 1))


def test_objects_that_fit_are_not_worth_a_line():
    assert misfits(*objects(40), pipeline(), 'train') == []


def test_large_objects_are_named_with_sizes_that_hold_them():
    boxes, sizes = objects(380)
    (note,) = misfits(boxes, sizes, pipeline(), 'train')
    assert '100% lie whole in no crop' in note and note.endswith(
        'resize to about 128 px and crop 128 px'
    )
    assert misfits(boxes, sizes, pipeline(*fitting(boxes, sizes)), 'train') == []


def test_small_objects_are_named_with_sizes_that_show_them():
    boxes, sizes = objects(22, (4000, 3000))
    (note,) = misfits(boxes, sizes, pipeline(512, 384), 'train')
    assert 'are under 4 px' in note
    scale, crop = fitting(boxes, sizes)
    assert (
        misfits(boxes, sizes, pipeline(scale, crop), 'train') == [] and scale > 1000 and crop == 128
    )


def test_only_what_the_pipeline_has_is_to_be_set():
    boxes, sizes = objects(22, (4000, 3000))
    resize = dict(type='Resize', scale=(400, 300), keep_ratio=True)
    assert misfits(boxes, sizes, [resize], 'train')[0].endswith(
        f'resize to about {fitting(boxes, sizes)[0]} px'
    )


def test_a_training_without_an_object_is_refused():
    with pytest.raises(
        InputError,
        match='^train: .*none of the 200 objects keeps the 4x4 px .*: resize to about ',
    ):
        misfits(*objects(20, (4000, 3000)), pipeline(), 'train')
    assert len(misfits(*objects(20, (4000, 3000)), pipeline(least=(0, 0)), 'train')) == 1


@pytest.mark.parametrize('side', [12, 25, 60, 150, 300, 470])
@pytest.mark.parametrize('size', [(640, 480), (480, 640), (1920, 1080), (224, 224)])
def test_what_fits_keeps_nine_of_ten_objects_whole_and_visible(side, size):
    side = min(side, 0.9 * min(size))
    boxes, sizes = objects(side, size)
    scale, crop = fitting(boxes, sizes)
    median = side * scale / max(size)
    assert scale % 32 == crop % 32 == 0 and 128 <= crop <= 512
    assert 22 < median < 40 or scale in (128, 2048)
    found = shares(boxes, sizes, view_of(pipeline(scale, crop)))
    assert found['cut'] <= 0.1 and found['small'] == found['lost'] == 0
    assert misfits(boxes, sizes, pipeline(scale, crop), 'train') == []


def test_shares_are_those_of_mmdets_own_transforms():
    boxes, sizes = objects(60)
    boxes[:, 2:] *= np.random.default_rng(1).uniform(0.05, 8, (200, 2))
    found = shares(boxes, sizes, view_of(pipeline(zoom=(1, 1))))
    resize = TRANSFORMS.build(dict(type='Resize', scale=(384, 384), keep_ratio=True))
    factor = resize(dict(img=np.zeros((480, 640, 3), np.uint8)))['scale_factor']
    ends = np.minimum(boxes[:, :2] + boxes[:, 2:], sizes)
    drawn = (ends - boxes[:, :2]) * factor
    assert (
        found['cut'] == (drawn > 129).any(1).mean() > 0
        and found['small'] == (drawn < 4).any(1).mean() > 0
    )


@pytest.mark.parametrize(
    'steps, scales, crop',
    [
        ([dict(type='Resize', scale=(1333, 800), keep_ratio=True)], [(1333, 800)], None),
        (
            [dict(type='RandomChoiceResize', scales=[(480, 1333), (800, 1333)], keep_ratio=True)],
            [(1333, 480), (1333, 800)],
            None,
        ),
        (
            [
                dict(type='RandomResize', scale=(1333, 640), ratio_range=(0.5, 2), keep_ratio=True),
                dict(type='RandomCrop', crop_size=(300, 400)),
            ],
            [(1333, 640)],
            (400, 300),
        ),
    ],
)
def test_mmdets_own_pipelines_are_read(steps, scales, crop):
    view = view_of([dict(type='LoadImageFromFile'), *steps, dict(type='PackDetInputs')])
    assert (view.scales, view.crop) == (scales, crop)


@pytest.mark.parametrize(
    'steps',
    [
        [],
        [dict(type='Resize', scale=(512, 512))],
        [dict(type='Resize', scale_factor=0.5, keep_ratio=True)],
        [dict(type='RandomResize', scale=[(1333, 640), (1333, 800)], keep_ratio=True)],
        pipeline() + pipeline(),
        [dict(type='Mosaic'), *pipeline()],
        [*pipeline()[:2], dict(type='RandomCrop', crop_size=(0.5, 0.5), crop_type='relative')],
    ],
)
def test_of_other_pipelines_nothing_is_said(steps):
    assert view_of(steps) is None and misfits(*objects(2), steps, 'train') == []


def test_the_projects_own_pipelines_are_read():
    for name in ('ocrnet_small_data', 'ocrnet_coco', 'benchmark/ocrnet_tiny'):
        assert view_of(
            Config.fromfile(ROOT / f'configs/{name}.py').train_dataloader.dataset.pipeline
        )


def test_objects_too_small_at_a_scale_are_found():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 9, 50], [95, 0, 50, 50], [0, 0, 7, 7]], float)
    sizes = np.array([[250, 100], [250, 100], [100, 100], [80, 60]], float)
    assert too_small(boxes, sizes, 100).tolist() == [False, True, False, False]
    assert too_small(boxes, sizes, 60).tolist() == [True, True, True, False]
