"""Tiles cover a picture; objects on their borders come out once and whole."""

import numpy as np
import pytest

from ocrnet_mmdet.predict.tiles import Pieces, merge, tile_boxes

from .squares import draw_squares, random_squares, square_predictor


def as_set(found) -> set:
    """Objects with their masks, exactly."""
    return {
        (*box, label, score, mask.tobytes())
        for box, label, score, mask in zip(
            found.boxes.tolist(), found.labels.tolist(), found.scores.tolist(), found.masks
        )
    }


def in_tiles_and_whole(monkeypatch, image, tile=64, overlap=0.5):
    options = dict(score=0.0, batch=4)
    (tiled,) = square_predictor(monkeypatch, tile=tile, overlap=overlap, **options)(image)
    (whole,) = square_predictor(monkeypatch, tile=0, **options)(image)
    return tiled, whole


@pytest.mark.parametrize('height, width', [(10, 10), (64, 200), (130, 65), (333, 257)])
@pytest.mark.parametrize('overlap', [0.0, 0.25, 0.5])
def test_tiles_cover_every_pixel_with_the_overlap(height, width, overlap):
    tiles = tile_boxes(height, width, 64, overlap)
    seen = np.zeros((height, width), int)
    for x0, y0, x1, y1 in tiles:
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
        assert (x1 - x0, y1 - y0) == (min(64, width), min(64, height))
        seen[y0:y1, x0:x1] += 1
    assert seen.min() >= 1
    for axis in (0, 1):
        starts = np.unique(tiles[:, axis])
        assert (np.diff(starts) <= 64 * (1 - overlap)).all()


@pytest.mark.parametrize('seed', range(4))
def test_objects_within_the_overlap_are_those_of_the_whole(monkeypatch, seed):
    image = random_squares(seed, 170, 230, largest=28)
    tiled, whole = in_tiles_and_whole(monkeypatch, image)
    assert len(whole) > 20 and as_set(tiled) == as_set(whole)
    assert (np.diff(tiled.scores) <= 0).all()


def test_an_object_larger_than_the_overlap_is_joined(monkeypatch):
    image = draw_squares(200, 200, [(10, 20, 180, 60), (100, 80, 130, 190)], [0, 1])
    tiled, whole = in_tiles_and_whole(monkeypatch, image, overlap=0.25)
    assert as_set(tiled) == as_set(whole) and len(whole) == 2


def test_neighbours_across_a_border_stay_two(monkeypatch):
    image = draw_squares(64, 128, [(40, 10, 62, 40), (65, 10, 90, 40)], [1, 1])
    tiled, whole = in_tiles_and_whole(monkeypatch, image)
    assert as_set(tiled) == as_set(whole) and len(whole) == 2


def test_a_cut_part_taken_for_another_class_goes():
    tiles = np.array([[0, 0, 64, 64], [32, 0, 96, 64]])
    pieces = Pieces(
        np.array([[40, 10, 60, 30], [50, 10, 60, 30], [32, 40, 50, 60]], np.float32),
        np.array([0.8, 0.9, 0.7], np.float32),
        np.array([0, 1, 1]),
        np.array([0, 0, 1]),
        None,
    )
    pieces.boxes[1] = [40, 10, 64, 30]  # cut by the first tile's border
    pieces.boxes[0], pieces.tiles[0] = [42, 10, 70, 30], 1  # the whole of it, of the second
    merged = merge(pieces, tiles, 64, 96)
    # the third is cut as well, and alone: nothing covers it
    assert merged.boxes.tolist() == [[42, 10, 70, 30], [32, 40, 50, 60]]
    assert merged.labels.tolist() == [0, 1]


def test_nothing_found_in_any_tile_is_nothing(monkeypatch):
    (found,) = square_predictor(monkeypatch, tile=32)(np.zeros((100, 100, 3), np.uint8))
    assert len(found) == 0 and found.boxes.shape == (0, 4) and len(found.masks) == 0


def test_pictures_are_cut_from_one_and_a_half_tiles_on(monkeypatch):
    predictor = square_predictor(monkeypatch, picture_side=100)
    assert len(predictor.tiles_of(150, 90)) == 1 and len(predictor.tiles_of(90, 151)) == 2
    assert len(square_predictor(monkeypatch, picture_side=None).tiles_of(900, 900)) == 1
    assert len(square_predictor(monkeypatch, picture_side=100, tile=0).tiles_of(900, 900)) == 1


def test_a_cut_object_stays_beside_another_of_its_tile():
    tiles = np.array([[0, 0, 64, 64], [48, 0, 112, 64]])
    boxes = np.array([[20, 10, 60, 50], [34, 12, 64, 48]], np.float32)  # the second is cut
    scores, labels = np.array([0.31, 0.95]), np.array([0, 1])
    for places, count in (((0, 0), 2), ((1, 0), 1)):
        boxes[0, [0, 2]] = (20, 60) if places[0] == 0 else (50, 66)
        boxes[1, 0] = 34 if places[0] == 0 else 52
        found = merge(Pieces(boxes, scores, labels, np.array(places), None), tiles, 64, 112)
        assert len(found.boxes) == count
