"""What is drawn on a picture, at known pixels."""

import base64

import cv2
import numpy as np
import pytest

from ocrnet_mmdet.canvas import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    draw_box,
    draw_mask,
    enlarged,
    from_hex,
    jpeg_uri,
    legible,
    tag,
    tag_all,
)


def grey(height=60, width=80, value=90):
    return np.full((height, width, 3), value, np.uint8)


def pixels_of(image, colour):
    return int((image == colour).all(-1).sum())


def test_a_box_is_drawn_at_its_sides_alone():
    image = grey()
    draw_box(image, (10, 20, 50, 40), RED, 1)
    for x, y in ((10, 30), (50, 30), (30, 20), (30, 40)):
        assert tuple(image[y, x]) == RED
    assert pixels_of(image, RED) == 2 * 40 + 2 * 20 and tuple(image[30, 30]) == (90, 90, 90)


def test_a_box_over_the_frame_is_drawn_at_the_frame():
    image = grey()
    draw_box(image, (-20, -5, 200, 300), RED, 1)
    assert tuple(image[0, 40]) == tuple(image[59, 40]) == tuple(image[30, 0]) == RED


def test_a_dashed_box_has_gaps():
    image, solid = grey(), grey()
    draw_box(image, (10, 10, 70, 50), BLUE, 2, dashed=True)
    draw_box(solid, (10, 10, 70, 50), BLUE, 2)
    assert 0.4 < pixels_of(image, BLUE) / pixels_of(solid, BLUE) < 0.8
    assert pixels_of(image, BLACK) > pixels_of(solid, BLACK)


def test_texts_do_not_hide_one_another():
    image, taken = grey(120, 200), np.zeros((120, 200), bool)
    tag(image, (10, 40, 80, 90), 'first', GREEN, taken)
    before = image.copy()
    tag(image, (12, 42, 82, 92), 'second', RED, taken)
    places = (before == GREEN).all(-1)
    assert places.any() and (image[places] == GREEN).all() and pixels_of(image, RED)
    assert not (image != before).any(-1)[:40].any()


def test_a_text_wider_than_its_box_is_left_out():
    image = grey()
    tag(image, (10, 30, 14, 40), 'a long name', RED, np.zeros((60, 80), bool))
    assert (image == 90).all()


@pytest.mark.parametrize('shape', [(10, 40), (3000, 900)])
def test_pictures_are_brought_to_the_panels_size(shape):
    image, factor = enlarged(grey(*shape), 200)
    assert max(image.shape) == 200 and factor == 200 / max(shape)


@pytest.mark.parametrize(
    'box', [(-9, 5, -2, 20), (81, 5, 90, 20), (5, -30, 20, -1), (5, 60, 9, 70)]
)
def test_a_box_beside_the_picture_is_not_drawn(box):
    image = grey()
    draw_box(image, box, RED)
    assert (image == 90).all()


@pytest.mark.parametrize('scale', [0.25, 1, 3])
def test_a_mask_is_outlined_at_the_pictures_size(scale):
    image = grey(200, 200)
    mask = np.zeros((round(200 * scale),) * 2, bool)
    cut = slice(round(40 * scale), round(120 * scale))
    mask[cut, cut] = True
    draw_mask(image, mask, RED)
    places = np.argwhere((image == RED).all(-1))
    assert np.abs(places.min(0) - 40).max() <= 2 and np.abs(places.max(0) - 119).max() <= 2
    assert (image[60:100, 60:100] == 90).all()


def test_a_mask_that_becomes_less_than_a_pixel_is_seen():
    image, mask = grey(), np.zeros((600, 800), np.uint8)
    mask[300:304, 400:404] = 1
    draw_mask(image, mask, RED, 1)
    assert pixels_of(image, RED) >= 1 and pixels_of(image[28:33, 38:43], RED) >= 1
    draw_mask(image, 0 * mask, BLUE, 1)
    assert not pixels_of(image, BLUE)


def test_texts_hide_no_small_box():
    image = grey(120, 200)
    boxes = np.array([(10, 40, 100, 110), (12, 20, 30, 36)])
    tag_all(image, boxes, ['large', ''], [GREEN, RED])
    assert (image[20:37, 12:31] == 90).all() and pixels_of(image, GREEN) > 100


def test_the_first_text_has_the_best_place():
    boxes = np.array([(10, 40, 100, 110), (12, 42, 102, 112)])
    for first, second in ((GREEN, RED), (RED, GREEN)):
        image = grey(160, 200)
        tag_all(image, boxes, ['one', 'two'], [first, second])
        assert pixels_of(image[:40], first) and not pixels_of(image[:40], second)
        assert pixels_of(image, second)


def test_a_name_whose_letters_the_font_lacks_is_a_number():
    assert [legible(name, 7) for name in ('cat', 'Größe', 'κύτταρο', 'клетка')] == [
        'cat', 'Größe', 'κύτταρο', 'клетка'
    ]  # fmt: skip
    assert legible('细胞', 7) == legible('cat 圆', 7) == '#7'


def test_a_picture_is_a_jpeg_as_text():
    image = cv2.resize(grey(2, 2), (64, 48))
    head, text = jpeg_uri(image).split(',')
    assert head == 'data:image/jpeg;base64'
    back = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
    assert back.shape == image.shape and np.abs(back.astype(int) - image).max() < 4
    assert from_hex('#0a141e') == (30, 20, 10)
