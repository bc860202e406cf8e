import copy

import pytest

from .coco_folder import BAD_ANNOTATIONS, NAN, refusal


@pytest.mark.parametrize('change, reason', BAD_ANNOTATIONS)
def test_a_bad_annotation_is_named_and_left_out_by_clean(folder, change, reason):
    sound = copy.deepcopy(folder.data)
    folder.data['annotations'][2].update(change)
    message = refusal(folder)
    picture = f'image_id {change["image_id"]}' if 'image_id' in change else 'b.png'
    assert f'annotation 3 ({picture}, box ' in message
    assert reason in message and '(1 such of 4)' in message
    data, report = folder.clean()
    assert len(report) == 1 and reason in report[0] and 'annotation 3' in report[0]
    del sound['annotations'][2]
    assert data == sound


def test_boxes_that_reach_over_the_rim_are_fine(folder):
    for annotation, box in zip(
        folder.data['annotations'],
        ([-5, -5, 20, 20], [39, 29, 50, 50], [0, 0, 40, 30], [0, 0, 1, 1]),
    ):
        annotation['bbox'] = box
    assert folder.check() == []


@pytest.mark.parametrize(
    'key, reason', [('area', 'has no area'), ('iscrowd', 'lacks iscrowd, 0 or 1')]
)
def test_what_coco_scoring_needs_is_asked_for_and_mended(folder, key, reason):
    sound = copy.deepcopy(folder.data)
    for annotation in folder.data['annotations']:
        del annotation[key]
    message = refusal(folder)
    assert f'{reason} (4 such of 4)' in message and '--skip-bad-images` mend a copy' in message
    data, report = folder.clean()
    assert data == sound and len(report) == 1 and '4 annotations mended' in report[0]


@pytest.mark.parametrize('value, mended', [(None, 0), ('0', 0), ('1', 1), (2, 0)])
def test_a_crowd_is_0_or_1(folder, value, mended):
    folder.data['annotations'][1]['iscrowd'] = value
    assert 'annotation 2 (a.png' in refusal(folder)
    assert folder.clean()[0]['annotations'][1]['iscrowd'] == mended


@pytest.mark.parametrize('identity', [0, 'a3', None, [3], 1e308, 10**400])
def test_unscorable_ids_matter_only_where_they_are_scored(folder, identity):
    sound = copy.deepcopy(folder.data)
    folder.data['annotations'][2]['id'] = identity
    if identity in (0, 'a3'):
        assert folder.check() == []
    assert f'annotation {str(identity)[:5]}' in refusal(folder, scored=True)
    data, report = folder.clean()
    sound['annotations'][2]['id'] = 5
    assert data == sound and '1 annotations mended' in report[0]
    folder.data = data
    assert folder.check(scored=True) == []


def test_new_ids_are_those_of_no_other_annotation(folder):
    for annotation, identity in zip(folder.data['annotations'], (8.0, 1, 8, 2)):
        annotation['id'] = identity
    assert [a['id'] for a in folder.clean()[0]['annotations']] == [8.0, 1, 9, 2]


def test_repeated_annotation_ids_are_mended_without_loss(folder):
    folder.data['annotations'][3]['id'] = 1
    assert 'annotation 1 (night/c.png' in refusal(folder)
    data, report = folder.clean()
    assert [a['id'] for a in data['annotations']] == [1, 2, 3, 4] and 'mended' in report[0]


def test_an_object_that_is_listed_twice_is_kept_once(folder):
    sound = copy.deepcopy(folder.data)
    folder.data['annotations'] += copy.deepcopy(folder.data['annotations'][1:3])
    assert 'annotation 2 (a.png' in (message := refusal(folder)) and 'is listed twice' in message
    assert folder.clean()[0] == sound


def test_not_all_pictures_may_be_without_objects(folder):
    folder.data['annotations'] = folder.data['annotations'][:1]
    assert folder.check() == []
    message = refusal(folder, ('ball', 'goal'))
    assert 'none of its 3 images has an object of the classes (ball, goal)' in message
    folder.data['annotations'] = []
    assert '0 annotations' in refusal(folder)
    assert folder.check(labelled=False) == []


def test_boxes_thinner_than_a_pixel_do_not_count_as_objects(folder):
    """CocoDataset leaves them out: a file in 0..1 units would train on nothing."""
    for annotation in folder.data['annotations']:
        annotation['bbox'] = [0.1, 0.2, 0.4, 0.3]
    assert 'of 4 annotations 4 are of them, and of these 0 at least 1 pixel' in refusal(folder)


@pytest.mark.parametrize('mark', ['iscrowd', 'ignore'])
def test_crowds_and_what_is_marked_do_not_count_as_objects(folder, mark):
    for annotation in folder.data['annotations']:
        annotation[mark] = 1
    assert '4 crowds or marked "ignore"' in refusal(folder)


def test_one_box_of_no_height_in_a_large_set_is_a_note(folder):
    """COCO 2017 itself has two among 860,001."""
    template = folder.data['annotations'][0]
    folder.data['annotations'] = [dict(template, id=i) for i in range(20000)]
    folder.data['annotations'][500]['bbox'] = [2, 3, 10, 0]
    notes = folder.check()
    assert len(notes) == 1 and '1 of 20000' in notes[0] and 'annotation 500' in notes[0]
    for annotation in folder.data['annotations'][:3]:
        annotation['bbox'] = [2, 3, 10, 0]
    assert '(4 such of 20000)' in refusal(folder)
    folder.data['annotations'][4]['bbox'] = [NAN] * 4
    assert 'four finite numbers (1 such of 20000)' in refusal(folder)


def test_one_missing_area_in_a_large_set_is_refused(folder):
    template = folder.data['annotations'][0]
    folder.data['annotations'] = [dict(template, id=i) for i in range(20000)]
    folder.data['annotations'][500]['area'] = None
    assert 'has no area (1 such of 20000)' in refusal(folder)
    folder.data['annotations'][500]['area'] = 0
    assert 'has no area above 0' in folder.check()[0]


@pytest.mark.parametrize(
    'change, reason',
    [
        (dict(bbox=[10**400, 3, 10, 8]), 'four finite numbers'),
        (dict(bbox=[2, 3, 10, 10**400]), 'four finite numbers'),
        (dict(image_id=10**400), 'neither a number nor text'),
        (dict(category_id=2**60), 'neither a number nor text'),
        (dict(id=10**400), 'neither a number nor text'),
        (dict(area=10**400), 'has no area'),
        (dict(area=1e11), 'up to 1e10'),
        (dict(bbox=[-1e9, 3, 2e9, 8]), 'more than 10 picture sides past'),
        (dict(bbox=[2, 3, 1e-9, 8]), 'of no area'),
    ],
)
def test_numbers_beyond_all_bounds_are_one_line(folder, change, reason):
    folder.data['annotations'][2].update(change)
    message = refusal(folder)
    assert reason in message and len(message) < 500
    folder.data = folder.clean()[0]
    assert folder.check(scored=True) == []
