import pytest

from .coco_folder import NAN, refusal


def test_missing_segmentations_matter_only_for_masks(folder):
    del folder.data['annotations'][1]['segmentation']
    assert folder.check() == []
    assert 'annotation 2 (a.png, box [2, 3, 10, 8]) has no segmentation' in refusal(
        folder, masks=True
    )


TRIANGLE = [2, 3, 12, 3, 12, 11]


@pytest.mark.parametrize(
    'segmentation',
    [
        TRIANGLE,
        [[[2, 3], [12, 3], [12, 11]]],
        [[]],
        [[], TRIANGLE],
        [[2, 3]],
        [[2, 3, 12, 11]],
        [[2, 3, 12, 11], TRIANGLE],
        [TRIANGLE + [2]],
        [TRIANGLE[:5] + [NAN]],
        [['2', '3', '12', '3', '12', '11']],
        'outline',
    ],
)
def test_odd_segmentations_matter_only_for_masks(folder, segmentation):
    folder.data['annotations'][1]['segmentation'] = segmentation
    message = refusal(folder, masks=True)
    assert (
        'annotation 2 (a.png' in message
        and 'no list of polygons' in message
        and 'with_mask = False' in message
    )
    assert folder.check() == folder.check(('robot',), masks=True) == []


def test_of_several_polygons_one_may_be_short(folder):
    folder.data['annotations'][1]['segmentation'] = [TRIANGLE, [2, 3, 12, 11]]
    assert folder.check(masks=True) == []


def test_run_length_masks_matter_only_where_polygons_are_read(folder):
    columns = [63, *[8, 22] * 9, 8, 859]  # those of the box
    folder.data['annotations'][1]['segmentation'] = dict(size=[30, 40], counts=columns)
    assert folder.check(masks=True) == []
    assert 'poly2mask=True' in refusal(folder, masks=True, polygons=True)
    folder.data['annotations'][1]['iscrowd'] = 1
    assert folder.check(masks=True, polygons=True) == []


RUNS = dict(size=[30, 40], counts=[0, 5, 1195])


@pytest.mark.parametrize(
    'change',
    [
        dict(counts=None),
        dict(size=None),
        dict(counts=[]),
        dict(counts='text'),
        dict(counts=[0, -5, 1205]),
        dict(counts=[0, 5, 1194]),
        dict(counts=[0, 5, 1196]),
        dict(size=[40, 30]),
        dict(size=[30, 40.0]),
        dict(size=[30]),
        dict(counts=[1200]),
        dict(counts=[5, 0, 5, 1190]),
        dict(counts='0' * 4000),
        dict(counts='o' * 4000),
        dict(counts=5),
    ],
)
@pytest.mark.parametrize('crowd', [0, 1])
def test_run_lengths_fill_their_picture(folder, change, crowd):
    folder.data['annotations'][1].update(segmentation=dict(RUNS, **change), iscrowd=crowd)
    assert (
        'annotation 2 (a.png' in (message := refusal(folder, masks=True))
        and 'run lengths' in message
    )
    data, report = folder.clean(masks=True)
    assert [a['id'] for a in data['annotations']] == [1, 3, 4] and 'run lengths' in report[0]
    assert len(folder.clean()[0]['annotations']) == 4


@pytest.mark.parametrize(
    'polygons, reason',
    [
        ([[2, 3, 1e9, 3, 12, 11]], 'picture sides past'),
        ([[-500, 3, 12, 3, 12, 11]], 'picture sides past'),
        ([TRIANGLE, [2, 3, 12, -500]], 'picture sides past'),
        ([[0, 0, 40, 30] * 20000], 'a million pixels of outline'),
        ([[10**400, 3, 12, 3, 12, 11]], 'no list of polygons'),
    ],
)
def test_polygons_that_pycocotools_cannot_draw_are_refused(folder, polygons, reason):
    folder.data['annotations'][1]['segmentation'] = polygons
    message = refusal(folder, masks=True)
    assert 'annotation 2' in message and reason in message
    assert len(folder.clean(masks=True)[0]['annotations']) == 3


def test_polygons_without_a_pixel_are_not_scored(folder):
    folder.data['annotations'][1]['segmentation'] = [[2, 3, 12, 3, 2, 3]]
    (note,) = folder.check(masks=True)
    assert 'boxes and masks of 1 of 4 objects do not lie on each other' in note
    assert 'mark no pixel' in refusal(folder, masks=True, scored=True)
    assert len(folder.clean(masks=True)[0]['annotations']) == 3
