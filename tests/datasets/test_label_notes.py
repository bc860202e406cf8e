"""What is not learnt or not scored is counted in one line; boxes of corners are refused."""

import numpy as np
import pytest

from ocrnet_mmdet.datasets.label_notes import (
    check_corners,
    check_masks,
    crowded,
    left_out,
    objects_of,
)
from ocrnet_mmdet.errors import InputError

IMAGES = [dict(id=i, width=640, height=480) for i in 'ab']


def objects(boxes, **marks):
    """Objects, half of them in each of two pictures; of a mark the indices that have it."""
    annotations = [
        dict(image_id='ab'[i % 2], bbox=list(box), iscrowd=0) for i, box in enumerate(boxes)
    ]
    for name, places in marks.items():
        for i in places:
            annotations[i][name] = 1
    return objects_of(annotations, IMAGES)


BOXES = np.random.default_rng(0).uniform((0, 0, 20, 20), (500, 400, 140, 80), (40, 4))


def test_objects_that_training_leaves_out_are_counted():
    boxes = BOXES.copy()
    boxes[5, 2] = 0.5
    (note,) = left_out(objects(boxes, iscrowd=(1, 2, 3), ignore=(3, 4)), 'train', scored=False)
    assert note == (
        'train: 5 of 40 objects are not trained on: 3 crowds (iscrowd=1), 1 marked "ignore", '
        '1 less than 1 pixel wide or high'
    )
    assert left_out(objects(BOXES), 'train', scored=False) == []


def test_of_what_is_scored_crowds_alone_are_left_out():
    (note,) = left_out(objects(BOXES, iscrowd=(1, 2, 3), ignore=(3, 4)), 'val', scored=True)
    assert note.startswith('val: 3 of 40 objects do not count in the score: 3 crowds')


def test_boxes_of_corners_are_refused():
    corners = np.concatenate([BOXES[:, :2], BOXES[:, :2] + BOXES[:, 2:]], 1)
    with pytest.raises(
        InputError,
        match=r'^train: \d+ of 40 boxes reach past .* all of them lie in it: write them as',
    ):
        check_corners(objects(corners), 'train')


def test_sound_boxes_are_no_corners():
    assert check_corners(objects(BOXES), 'train') == []
    whole = np.tile([0, 0, 640, 480], (40, 1))
    assert check_corners(objects(whole), 'train') == []


def test_boxes_past_the_picture_are_counted():
    boxes = BOXES.copy()
    boxes[:20, 0] += 500
    (note,) = check_corners(objects(boxes), 'train')
    assert note.startswith('train: ') and 'boxes reach past' in note and 'cut off' in note
    boxes = BOXES.copy()
    boxes[:2, 0] += 500
    assert check_corners(objects(boxes), 'train') == []


def test_options_that_hold_all_objects_are_named():
    many = objects(np.tile(BOXES, (10, 1)), iscrowd=range(0, 20, 2))
    caps = {'model.test_cfg.rcnn.max_per_img': 100, 'model.test_cfg.rpn.max_per_img': 250}
    (note,) = crowded(many, 'val', caps)
    assert '2 pictures have more objects, up to 200, than the 100 ' in note
    assert note.endswith(
        'set --cfg-options model.test_cfg.rcnn.max_per_img=300 model.test_cfg.rpn.max_per_img=300'
    )
    assert crowded(many, 'val', dict.fromkeys(caps, 200)) == crowded(many, 'val', {}) == []


def outlined(boxes, change=lambda x, y, image: (x, y)):
    """Objects with rectangles for masks, their points changed."""
    made = []
    for i, (x, y, w, h) in enumerate(np.asarray(boxes).tolist()):
        points = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        outline = [float(v) for p in points for v in change(*p, IMAGES[i % 2])]
        made.append(
            dict(
                id=i,
                image_id='ab'[i % 2],
                bbox=[x, y, w, h],
                iscrowd=0,
                segmentation=[outline],
            )
        )
    return made


def row_by_row(boxes):
    """Objects whose masks are drawn on the picture's rows as if they were its columns."""
    made = outlined(np.round(boxes))
    for annotation in made:
        mask = np.zeros((480, 640), np.uint8)
        x, y, w, h = map(int, annotation['bbox'])
        mask[y : y + h, x : x + w] = 1
        changes = np.flatnonzero(np.diff(mask.ravel(), prepend=0, append=0))
        counts = np.diff([0, *changes, mask.size]).tolist()
        annotation['segmentation'] = dict(size=[480, 640], counts=counts)
    return made


@pytest.mark.parametrize(
    'annotations, how',
    [
        (outlined(BOXES, lambda x, y, _: (y, x)), 'x and y of one of the two swapped'),
        (outlined(BOXES, lambda x, y, i: (x, i['height'] - y)), 'from the lower edge'),
        (row_by_row(BOXES), 'row by row, not column by column'),
        (
            [
                dict(a, bbox=[*np.add(b[:2], b[2:] / 2), *b[2:]])
                for a, b in zip(outlined(BOXES), BOXES)
            ],
            'the boxes as their middles',
        ),
    ],
)
def test_masks_written_in_another_way_are_refused(annotations, how):
    with pytest.raises(InputError, match=f'do not lie on each other, the first.*{how}.* they do'):
        check_masks(objects_of(annotations, IMAGES), 'train')


def test_masks_on_their_boxes_are_said_nothing_of():
    loose = BOXES + (-4, -4, 8, 8)
    annotations = outlined(BOXES)
    for annotation, box in zip(annotations, loose.tolist()):
        annotation['bbox'] = box
    annotations[3]['segmentation'] = None
    assert check_masks(objects_of(annotations, IMAGES), 'train') == []
    tiny = outlined(np.tile([5.0, 5, 2, 2], (9, 1)), lambda x, y, _: (x + 1, y + 1))
    assert check_masks(objects_of(tiny, IMAGES), 'train') == []


def test_masks_beside_their_boxes_are_counted():
    annotations = outlined(BOXES)
    for i in (4, 6):
        annotations[i]['segmentation'] = [[600, 400, 630, 400, 630, 430]]
    (note,) = check_masks(objects_of(annotations, IMAGES), 'train')
    assert note.startswith('train: boxes and masks of 2 of 40 objects do not lie on each other')
    (example,) = note.examples
    assert [a['id'] for a in example.objects] == [4, 6]
