import numpy as np
import pytest
from mmengine.config import ConfigDict

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.evaluation.chance_regions import grid_regions, random_regions
from ocrnet_mmdet.pretraining import discover_regions
from ocrnet_mmdet.pretraining.discover import OCRNetDiscoverRegions, discovery_in
from ocrnet_mmdet.pretraining.regions import DUPLICATE_IOU, Regions
from ocrnet_mmdet.pretraining.segmentation import Pairs, _most_similar, grow_trees

OBJECTS = ((40, 60, 120, 160), (180, 40, 250, 90), (150, 140, 290, 200))  # xyxy
COLOURS = ((40, 40, 200), (200, 180, 30), (30, 160, 60))


def scene(shape=(240, 320), scale=1) -> np.ndarray:
    """Three coloured boxes on grey ground, with a little noise."""
    image = np.full((*shape, 3), 128, np.uint8)
    for (x1, y1, x2, y2), colour in zip(OBJECTS, COLOURS):
        image[y1 * scale : y2 * scale, x1 * scale : x2 * scale] = colour
    noise = np.random.default_rng(0).integers(-4, 5, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU (len(a), len(b)), box by box."""
    out = np.zeros((len(a), len(b)))
    for i, (ax1, ay1, ax2, ay2) in enumerate(a):
        for j, (bx1, by1, bx2, by2) in enumerate(b):
            width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
            common = max(width, 0) * max(height, 0)
            out[i, j] = common / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - common)
    return out


@pytest.mark.parametrize('scale', [1, 3])
def test_objects_come_first_with_their_segments(scale):
    regions = discover_regions(scene((240 * scale, 320 * scale), scale))
    objects = np.array(OBJECTS) * scale
    iou = overlaps(regions.boxes[:6], objects)
    assert (iou.max(axis=0) > 0.85).all()
    for i, (x1, y1, x2, y2) in zip(iou.argmax(axis=0), objects):
        truth = np.zeros(regions.shape, bool)
        truth[y1:y2, x1:x2] = True
        assert (regions.masks[i] & truth).sum() > 0.85 * (regions.masks[i] | truth).sum()


@pytest.mark.parametrize('shape', [(240, 320), (97, 133), (500, 260)])
def test_boxes_are_the_bounds_of_segments_and_masks(shape):
    regions = discover_regions(scene(shape))
    assert len(regions) >= 4
    scale_y, scale_x = np.array(shape) / regions.segments.shape[1:]
    for box, segment, mask in zip(regions.boxes, regions.segments, regions.masks):
        rows, columns = np.nonzero(segment)
        bounds = [
            columns.min() * scale_x,
            rows.min() * scale_y,
            (columns.max() + 1) * scale_x,
            (rows.max() + 1) * scale_y,
        ]
        np.testing.assert_allclose(box, bounds, rtol=1e-6)
        rows, columns = np.nonzero(mask)
        bounds = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose(box, bounds, atol=0.51)  # half a pixel: the nearest one


def test_scores_fall_and_no_two_boxes_are_near_duplicates():
    regions = discover_regions(scene())
    assert (np.diff(regions.scores) <= 0).all()
    assert regions.scores.min() >= 0 and regions.scores.max() <= 1
    assert np.triu(overlaps(regions.boxes, regions.boxes), 1).max() <= DUPLICATE_IOU + 1e-6


def test_fewer_regions_are_the_best_of_more():
    many, few = discover_regions(scene()), discover_regions(scene(), max_regions=4)
    assert len(few) == 4
    np.testing.assert_array_equal(few.boxes, many.boxes[:4])
    np.testing.assert_array_equal(few.segments, many.segments[:4])


@pytest.mark.parametrize('shape', [(1, 1), (1, 300), (300, 1), (64, 64), (3, 20_000)])
def test_a_picture_of_one_colour_has_no_region(shape):
    regions = discover_regions(np.full((*shape, 3), 77, np.uint8))
    assert len(regions) == 0 and regions.boxes.shape == (0, 4)
    assert regions.masks.shape == (0, *shape)


@pytest.mark.parametrize('shape', [(1, 200), (200, 1), (2, 2), (5, 7), (40, 20_000)])
def test_odd_pictures_of_noise_give_boxes_inside_them(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    regions = discover_regions(image)
    assert regions.shape == shape
    assert (regions.boxes >= 0).all() and (regions.boxes[:, 2:] <= shape[::-1]).all()
    assert (regions.boxes[:, :2] < regions.boxes[:, 2:]).all()


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((3, 8, 8), np.uint8),
    ],
)
def test_no_picture_is_refused_in_one_line(image):
    with pytest.raises(InputError, match=r'shape \(.*height, width, 3') as caught:
        discover_regions(image)
    assert '\n' not in str(caught.value)


def test_every_tree_holds_each_leaf_and_its_root():
    image = np.random.default_rng(1).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    nodes, places = grow_trees(image, ((10, 6), (30, 12)), ((1, 1, 1, 1, 0), (0, 0, 1, 1, 1)))
    for tree, place in enumerate(places):
        own = np.nonzero(nodes.tree == tree)[0]
        leaves = (nodes.leaves[own] == 1).sum()
        assert leaves > 3 and len(own) == 2 * leaves - 1  # a binary tree
        for i in own:
            covered = (place >= nodes.first[i]) & (place < nodes.first[i] + nodes.leaves[i])
            assert covered.sum() == nodes.area[i]
            rows, columns = np.nonzero(covered)
            assert nodes.box[i].tolist() == [
                columns.min(),
                rows.min(),
                columns.max() + 1,
                rows.max() + 1,
            ]
            down, across = covered[1:] != covered[:-1], covered[:, 1:] != covered[:, :-1]
            assert nodes.border[i] == down.sum() + across.sum()


def test_merging_pairs_are_mutually_most_similar():
    rng = np.random.default_rng(0)
    a, b = np.triu_indices(12, 1)
    pairs = Pairs(a, b, np.ones(len(a)), np.ones(len(a)))
    similarity = rng.integers(0, 5, len(a)).astype(float)  # many ties
    chosen = _most_similar(similarity, pairs, 12)
    ends = np.concatenate([a[chosen], b[chosen]])
    assert len(ends) == len(set(ends)) > 0
    for i in np.nonzero(chosen)[0]:
        touching = (a == a[i]) | (b == a[i]) | (a == b[i]) | (b == b[i])
        assert similarity[i] == similarity[touching].max()


def test_a_grid_is_made_of_whole_levels_from_coarse_to_fine():
    regions = grid_regions((128, 128), 14)
    sides = regions.boxes[:, 2:] - regions.boxes[:, :2]
    expected = [128] + [128 * 2 / 3] * 4 + [64] * 9
    np.testing.assert_allclose(sides, np.repeat(expected, 2).reshape(-1, 2), atol=1.01)
    assert regions.segments.reshape(14, -1)[1:5].any(axis=0).all()


def test_random_boxes_have_the_regions_sides_elsewhere():
    like = discover_regions(scene(), max_regions=10)
    regions = random_regions((480, 640), 15, np.random.default_rng(0), like)
    sides = regions.boxes[:, 2:] - regions.boxes[:, :2]
    expected = 2 * (like.boxes[:, 2:] - like.boxes[:, :2])[np.arange(15) % len(like)]
    np.testing.assert_allclose(sides, expected, atol=5.01)  # one working pixel
    assert overlaps(regions.boxes / 2, like.boxes).diagonal().mean() < 0.5


@pytest.mark.parametrize(
    'like', [None, Regions.of_segments(np.zeros((0, 8, 8), bool), np.zeros(0), (8, 8))]
)
@pytest.mark.parametrize('shape', [(1, 1), (3, 900), (200, 300)])
def test_random_boxes_fill_their_segments_and_stay_inside(shape, like):
    regions = random_regions(shape, 40, np.random.default_rng(3), like)
    assert len(regions) == 40
    assert (regions.boxes >= 0).all() and (regions.boxes[:, 2:] <= shape[::-1]).all()
    shares = (regions.boxes[:, 2:] - regions.boxes[:, :2]).prod(axis=1) / np.prod(shape)
    np.testing.assert_allclose(regions.segments.mean(axis=(1, 2)), shares, rtol=1e-5)


@pytest.mark.parametrize('given', [dict(max_regions=0), dict(size='abc')], ids=str)
def test_an_odd_argument_is_refused_by_name(given):
    with pytest.raises(InputError, match=f'OCRNetDiscoverRegions.{next(iter(given))} is '):
        OCRNetDiscoverRegions(**given)


@pytest.mark.parametrize(
    'kind',
    [
        'OCRNetDiscoverRegions',
        'ocrnet_mmdet.pretraining.discover.OCRNetDiscoverRegions',
        OCRNetDiscoverRegions,
    ],
)
def test_a_configs_settings_are_found_however_it_names_the_class(kind):
    steps = [dict(type='LoadImageFromFile'), dict(type=kind, size=64, cache_dir='regions')]
    inner = dict(type='OCRNetImageFolder', pipeline=steps)
    loader = ConfigDict(dataset=dict(type='RepeatDataset', times=2, dataset=inner))
    assert discovery_in(loader) == dict(max_regions=100, size=64)
    assert discovery_in(ConfigDict(dataset=dict(pipeline=steps[:1]))) is None
    assert discovery_in(None) is None
