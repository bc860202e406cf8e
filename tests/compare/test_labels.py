"""The parts that runs are trained and scored on have objects, or nothing begins."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ocrnet_mmdet.compare.labels import LabelFiles
from ocrnet_mmdet.compare.plan import Arm, Plan
from ocrnet_mmdet.errors import InputError


def source(objects: set[int], pictures: int = 20) -> SimpleNamespace:
    images = [dict(id=i, file_name=f'{i}.jpg', width=9, height=9) for i in range(pictures)]
    annotations = [dict(id=i, image_id=i, category_id=1, iscrowd=0) for i in sorted(objects)]
    train = dict(images=images, annotations=annotations, categories=[dict(id=1, name='x')])
    return SimpleNamespace(train=train, train_file='train.json', val_file=Path('val.json'))


def parts(objects: set[int], labels: int = 20) -> LabelFiles:
    plan = Plan(Path('mine'), dict(a=Arm('random')), (labels,), (0, 1), (8,), (1e-3,))
    return LabelFiles(source(objects), plan, Path('labels'))


def test_a_held_out_part_without_an_object_is_refused_first():
    held = {image['id'] for image in parts(set(range(20))).held_out['images']}
    assert len(held) == 4
    with pytest.raises(InputError, match='4 pictures that are held out .* have no object'):
        parts(set(range(20)) - held)


def test_labelled_pictures_without_an_object_are_refused_first():
    whole = parts(set(range(20)))
    held = whole.held_out['images'][0]['id']
    with pytest.raises(InputError, match='1 labelled pictures of seed . have no object'):
        parts({held}, labels=1)
