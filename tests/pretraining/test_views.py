import numpy as np
import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.regions import Regions
from ocrnet_mmdet.pretraining.two_views import OCRNetTwoViews
from ocrnet_mmdet.pretraining.views import ViewMap, draw_crop, inside_share, show, vary_colours

SIDE = 96
SHAPE = (140, 210)  # H, W


def random_view(seed: int, area=(0.3, 0.9)) -> ViewMap:
    rng = np.random.default_rng(seed)
    return ViewMap.of_crop(draw_crop(rng, SHAPE, area), SIDE, flip=bool(seed % 2))


def random_boxes(rng, count=20) -> np.ndarray:
    corner = rng.uniform(0, 100, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(2, 40, (count, 2))], axis=1)


@pytest.mark.parametrize('seed', range(4))
def test_the_map_and_its_inverse_give_back_the_boxes(seed):
    view, boxes = random_view(seed), random_boxes(np.random.default_rng(seed))
    np.testing.assert_allclose(view.inverse().boxes(view.boxes(boxes)), boxes, atol=1e-9)


def test_one_map_after_another_is_both():
    first, second, boxes = random_view(0), random_view(1), random_boxes(np.random.default_rng(0))
    np.testing.assert_allclose(second.after(first).boxes(boxes), second.boxes(first.boxes(boxes)))


def test_a_flip_mirrors_the_crop():
    crop = np.array((20.0, 10.0, 100.0, 90.0))
    plain, flipped = (
        ViewMap.of_crop(crop, SIDE, flip).boxes(np.array([[20.0, 10.0, 40.0, 90.0]]))
        for flip in (False, True)
    )
    np.testing.assert_allclose(plain, [[0, 0, SIDE / 4, SIDE]])
    np.testing.assert_allclose(flipped, [[SIDE * 3 / 4, 0, SIDE, SIDE]])


@pytest.mark.parametrize('seed', range(4))
def test_boxes_follow_what_the_view_shows(seed):
    centre = np.array((101.3, 70.8))
    x, y = np.meshgrid(np.arange(SHAPE[1]) + 0.5 - centre[0], np.arange(SHAPE[0]) + 0.5 - centre[1])
    blob = np.exp(-(x**2 + y**2) / (2 * 5.0**2)).astype(np.float32)
    view = random_view(seed, area=(0.8, 1.0))
    image = show(np.repeat(blob[..., None] * 255, 3, axis=2), view, SIDE)[..., 0]
    grid_y, grid_x = np.mgrid[:SIDE, :SIDE] + 0.5
    seen = np.array([(grid_x * image).sum(), (grid_y * image).sum()]) / image.sum()
    box = view.boxes(np.array([[*(centre - 8), *(centre + 8)]]))[0]
    np.testing.assert_allclose(seen, (box[:2] + box[2:]) / 2, atol=0.02)


@pytest.mark.parametrize('area', [(0.05, 0.1), (0.5, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize('shape', [(100, 100), (50, 400), (1, 300)])
def test_crops_lie_in_the_picture_and_cover_their_share(area, shape):
    rng = np.random.default_rng(0)
    for _ in range(50):
        x0, y0, x1, y1 = draw_crop(rng, shape, area)
        assert -1e-6 <= x0 < x1 <= shape[1] + 1e-6 and -1e-6 <= y0 < y1 <= shape[0] + 1e-6
        share = (x1 - x0) * (y1 - y0) / (shape[0] * shape[1])
        assert area[0] - 1e-6 <= share <= area[1] + 1e-6


def test_shrinking_a_fine_chequerboard_shows_its_mean():
    board = (np.indices((1024, 1024)).sum(0) % 2 * 255).astype(np.uint8)
    view = ViewMap.of_crop(np.array((0.0, 0.0, 1024.0, 1024.0)), 64, flip=False)
    shown = show(np.repeat(board[..., None], 3, axis=2), view, 64)
    assert np.abs(shown.astype(float) - 127.5).max() < 2


def test_the_share_inside_counts_area():
    boxes = np.array([[-10.0, 0.0, 10.0, 10.0], [0.0, 0.0, 5.0, 5.0], [200.0, 0.0, 210.0, 10.0]])
    np.testing.assert_allclose(inside_share(boxes, 96), [0.5, 1, 0])


def test_solarising_inverts_the_bright_half():
    class NoColour:
        """A generator whose draws leave everything else off."""

        def random(self):
            return 0.95

    image = np.full((8, 8, 3), 200, np.uint8)
    image[:4] = 50
    out = vary_colours(NoColour(), image, solarise=1.0)
    assert out[0, 0, 0] == 50 and out[-1, 0, 0] == 55


def example(seed=(0, 0)) -> dict:
    """A picture with two rectangles that differ from its ground, and their regions."""
    image = np.zeros((*SHAPE, 3), np.uint8)
    boxes = np.array([[30, 20, 90, 100], [110, 40, 190, 80]], np.float32)
    segments = np.zeros((2, *SHAPE), bool)
    for box, segment in zip(boxes.astype(int), segments):
        segment[box[1] : box[3], box[0] : box[2]] = True
    image[segments.any(0)] = 255
    return dict(
        img=image,
        regions=Regions(boxes, np.ones(2, np.float32), segments, SHAPE),
        seed=seed,
        img_path='x.png',
        sample_idx=0,
    )


def test_colours_are_varied_one_after_the_other():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    seed = next(s for s in range(99) if np.random.default_rng(s).random() < 0.8)
    draws = np.random.default_rng(seed)
    draws.random()
    brightness, contrast, saturation = draws.uniform(0.6, 1.4, 3)
    hue, grey_all, blur = draws.uniform(0.9, 1.1, 3), draws.random() < 0.2, draws.random() < 0.2
    assert not grey_all and not blur
    bright = image * brightness
    contrasted = bright.mean() + (bright - bright.mean()) * contrast
    grey = contrasted @ (0.114, 0.587, 0.299)
    saturated = grey[..., None] + (contrasted - grey[..., None]) * saturation
    out = vary_colours(np.random.default_rng(seed), image, solarise=0.0)
    np.testing.assert_allclose(out, (saturated * hue).clip(0, 255), atol=1.01)


def test_masks_boxes_and_pixels_of_both_views_belong_together():
    for draw in range(20):
        sample = example((0, draw))
        made = OCRNetTwoViews(
            size=SIDE, area=(0.3, 0.9), segments=9, solarise=(0.0, 0.0)
        ).transform(sample)
        for found, pixels in zip(made['data_samples'], made['inputs']):
            assert len(found.segments) == len(found.gt_instances)
            bright = pixels.float().mean(0).numpy()
            for box, mask in zip(found.segments.bboxes.numpy(), found.segments.masks.masks):
                assert (bright[mask > 0] > (bright.min() + bright.max()) / 2).mean() > 0.9
                rows, columns = np.nonzero(mask)
                edge = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
                np.testing.assert_allclose(edge, box, atol=1.0)


def test_a_cut_region_has_the_box_of_what_is_seen():
    sample = example()
    segment = np.zeros((1, *SHAPE), bool)
    segment[0, 20:100, 30:40] = segment[0, 20:30, 30:150] = (
        True  # an angle: a bar right, a bar down
    )
    sample['regions'] = Regions(
        np.array([[30, 20, 150, 100]], np.float32), np.ones(1, np.float32), segment, SHAPE
    )
    transform = OCRNetTwoViews(size=SIDE)
    view = ViewMap.of_crop(np.array([60.0, 0, 160, 100]), SIDE, flip=False)  # its upper bar alone
    found = transform._sample(
        sample, sample['regions'], view, np.array([0]), np.random.default_rng(0)
    ).gt_instances
    scale = SIDE / 100
    np.testing.assert_allclose(found.bboxes[0], np.array([0, 20, 90, 30]) * scale, atol=1.0)


def test_a_variation_depends_on_its_seed_alone():
    transform = OCRNetTwoViews(size=SIDE)
    a, b, other = (transform.transform(example(seed)) for seed in ((3, 7), (3, 7), (3, 8)))
    for x, y, z in zip(a['inputs'], b['inputs'], other['inputs']):
        assert x.equal(y) and not x.equal(z)


def test_the_two_views_share_a_region_wherever_they_can():
    transform = OCRNetTwoViews(size=SIDE, area=(0.15, 0.4))
    common = 0
    for draw in range(40):
        first, second = transform.transform(example((1, draw)))['data_samples']
        common += bool(np.intersect1d(first.gt_instances.ids, second.gt_instances.ids).size)
    assert common >= 36  # without the redraws 25


def test_a_picture_without_regions_gives_two_empty_views():
    sample = example()
    sample['regions'] = Regions(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 8, 8), bool), SHAPE
    )
    for found in OCRNetTwoViews(size=SIDE).transform(sample)['data_samples']:
        assert found.gt_instances.bboxes.shape == (0, 4)
        assert found.segments.masks.masks.shape == (0, SIDE, SIDE)


def test_segments_are_of_regions_drawn_anew_each_time():
    drawn = set()
    for draw in range(20):
        for found in OCRNetTwoViews(size=SIDE, segments=1).transform(example((2, draw)))[
            'data_samples'
        ]:
            if len(found.gt_instances) == 2:
                (place,) = (
                    (found.gt_instances.bboxes == found.segments.bboxes)
                    .all(1)
                    .nonzero()[:, 0]
                    .tolist()
                )
                drawn.add(int(found.gt_instances.ids[place]))
    assert drawn == {0, 1}


@pytest.mark.parametrize('shape', [(1, 60), (60, 1), (3, 3), (4, 20000)])
def test_odd_pictures_have_views(shape):
    sample = example()
    sample['img'] = np.full((*shape, 3), 7, np.uint8)
    sample['regions'] = Regions(
        np.array([[0, 0, shape[1], shape[0]]], np.float32),
        np.ones(1, np.float32),
        np.ones((1, *shape), bool)[:, :64, :64],
        shape,
    )
    for view in OCRNetTwoViews(size=SIDE).transform(sample)['inputs']:
        assert view.shape == (3, SIDE, SIDE)


def test_warping_by_cv2_and_by_continuous_maps_is_the_same():
    image = np.zeros((40, 40), np.uint8)
    image[10:20, 10:30] = 255
    view = ViewMap.of_crop(np.array((0.0, 0.0, 40.0, 40.0)), 80, flip=True)
    warped = view.warp(image, 80) > 127
    expected = np.repeat(np.repeat(image, 2, 0), 2, 1)[:, ::-1] > 127
    np.testing.assert_array_equal(warped, expected)


@pytest.mark.parametrize('shape', [(32, 32), (1, 200), (200, 1)])
def test_the_edge_of_a_small_picture_is_no_dark_rim(shape):
    crop = np.array((0.0, 0.0, shape[1], shape[0]))
    assert (
        show(np.full((*shape, 3), 200, np.uint8), ViewMap.of_crop(crop, 64, flip=False), 64) == 200
    ).all()


def test_a_very_wide_picture_is_averaged_along_its_width():
    stripes = np.zeros((400, 40000, 3), np.uint8)
    stripes[:, ::2] = 200
    view = ViewMap.of_crop(np.array((0.0, 0.0, 40000.0, 400.0)), 64, flip=False)
    assert np.abs(show(stripes, view, 64).astype(int) - 100).max() <= 2


@pytest.mark.parametrize(
    'given',
    [
        dict(size='abc'),
        dict(area=5),
        dict(area=(0.9, 0.1)),
        dict(segments=-1),
        dict(solarise='abc'),
    ],
    ids=str,
)
def test_an_odd_argument_is_refused_by_name(given):
    with pytest.raises(InputError, match=f'OCRNetTwoViews.{next(iter(given))} is '):
        OCRNetTwoViews(**dict(size=SIDE) | given)
