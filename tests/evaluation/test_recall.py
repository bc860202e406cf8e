import json

import cv2
import numpy as np
import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.evaluation.recall import measure

BOXES = ((4, 4, 24, 24), (40, 30, 70, 60))  # xyxy, of two objects a picture


@pytest.fixture
def source(tmp_path):
    """COCO JSON and folder of three pictures."""
    images, annotations = [], []
    for i in range(3):
        image = np.random.default_rng(i).integers(90, 120, (72, 80, 3)).astype(np.uint8)
        for x1, y1, x2, y2 in BOXES:
            image[y1:y2, x1:x2] = (250, 30, 60)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i + 1,
                    category_id=1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=1,
                    iscrowd=0,
                )
            )
        annotations.append(
            dict(annotations[-1], id=len(annotations) + 1, bbox=[0, 0, 80, 72], iscrowd=1)
        )
        cv2.imwrite(str(tmp_path / f'{i}.png'), image)
        images.append(dict(id=i + 1, file_name=f'{i}.png', width=80, height=72))
    labels = tmp_path / 'labels.json'
    labels.write_text(
        json.dumps(dict(images=images, annotations=annotations, categories=[dict(id=1, name='a')]))
    )
    return labels, tmp_path


def test_boxes_are_counted_by_rank_and_overlap(source):
    """The second object comes 17th, the first is found with an IoU of 0.6."""
    apart, loose = [0, 60, 5, 65], [4, 4, 24, 16]
    found = np.array([loose] + [apart] * 15 + [BOXES[1]], np.float32)
    result = measure([source], detect=lambda image: dict(mine=found))
    assert (result['pictures'], result['objects']) == (3, 6)
    mine = result['arms']['mine']
    assert mine['recall'] == {16: 0.5, 32: 1.0, 100: 1.0}
    assert mine['strict_recall'] == {16: 0.0, 32: 0.5, 100: 0.5}
    assert mine['precision_of_all'] == pytest.approx(2 / 17, abs=1e-4) and mine['boxes'] == 17


def test_discovered_regions_hold_objects_and_chance_does_not(source):
    arms = measure([source])['arms']
    assert arms['discovered']['recall'][16] == 1 > arms['random']['recall'][16]


def test_small_objects_are_left_out(source):
    assert measure([source, source], least_area=0.1)['objects'] == 6  # 900 px of 5,760, twice
    with pytest.raises(InputError, match='labels.json.* has an object of at least 0.9'):
        measure([source], least_area=0.9)


def test_a_picture_that_is_not_there_is_named(source):
    (source[1] / '1.png').unlink()
    with pytest.raises(InputError, match='1.png cannot be read'):
        measure([source])
