import json

import pytest

from experiments.data_sets import DATA_SETS
from experiments.plans import STUDIES, Study
from experiments.records import Run
from experiments.subsets import FEW, HELD_OUT, labelled_parts, small_pictures
from ocrnet_mmdet.compare.subsets import split_images

DATA = dict(
    images=[dict(id=i, width=10 * i, height=50) for i in range(20)],
    annotations=[dict(id=i, image_id=i % 20) for i in range(60)],
    categories=[],
)
PICTURES = 140


def ids(part: dict) -> set[int]:
    return {image['id'] for image in part['images']}


@pytest.fixture
def data_root(tmp_path):
    """bccd with 140 training pictures, whose ids are their val pictures' too."""
    path = tmp_path / 'bccd' / DATA_SETS['bccd'].layout[0]
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps(
            dict(
                images=[dict(id=i, width=100, height=80) for i in range(PICTURES)],
                categories=[],
                annotations=[dict(id=i, image_id=i) for i in range(PICTURES)],
            )
        )
    )
    return tmp_path


@pytest.mark.parametrize('seed', [0, 1])
def test_a_split_is_reproducible_disjoint_and_whole(seed):
    held, rest = split_images(DATA, 5, seed)
    assert split_images(DATA, 5, seed) == (held, rest)
    assert len(ids(held)) == 5 and ids(held) | ids(rest) == set(range(20))
    assert not ids(held) & ids(rest)
    for part in (held, rest):
        assert {a['image_id'] for a in part['annotations']} == ids(part)
    assert split_images(DATA, 5, seed + 1)[0] != held


def test_small_pictures_have_the_size_and_the_number_of_objects():
    data = dict(
        DATA,
        annotations=[a for a in DATA['annotations'] if a['image_id'] != 3]
        + [dict(id=99, image_id=4)],
    )
    assert ids(small_pictures(data, longest_side=70, objects=3)) == {0, 1, 2, 5, 6, 7}


def test_few_labels_are_a_share_of_the_training_pictures(data_root):
    run = Run('x', 'fine-tuning', 'bccd', labels=10, seed=3, scored_on='val')
    train, val = labelled_parts(run, data_root)
    assert len(ids(train)) == 14 and val is None
    assert labelled_parts(run, data_root) == (train, val)


def test_all_labels_are_the_data_sets_own_file(data_root):
    run = Run('x', 'fine-tuning', 'bccd', seed=3, scored_on='val')
    assert labelled_parts(run, data_root) == (None, None)


@pytest.mark.parametrize('percent', [10, 100])
def test_held_out_pictures_are_the_same_and_never_trained_on(data_root, percent):
    runs = [
        Run('x', 'tuning', 'bccd', labels=percent, seed=seed, scored_on='held_out')
        for seed in (99, 100)
    ]
    parts = [labelled_parts(run, data_root) for run in runs]
    assert len({frozenset(ids(held)) for _, held in parts}) == 1
    for train, held in parts:
        assert len(ids(held)) == HELD_OUT and not ids(train) & ids(held)
        assert len(ids(train)) == (PICTURES - HELD_OUT) * percent / 100


def test_an_overfit_is_scored_on_its_own_pictures(data_root):
    run = Run('x', 'fine-tuning', 'bccd', seed=0, scored_on='trained')
    train, val = labelled_parts(run, data_root)
    assert train == val and len(ids(train)) == FEW


def test_only_an_overfit_is_scored_on_what_it_is_trained_on():
    assert [
        name
        for name, plan in STUDIES.items()
        if isinstance(plan, Study) and plan.scored_on == 'trained'
    ] == ['overfit']
