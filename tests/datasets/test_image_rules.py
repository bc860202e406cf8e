import copy
import os

import pytest

from ocrnet_mmdet.errors import InputError

from .coco_folder import refusal


def test_absent_pictures_are_counted_and_the_first_is_named(folder):
    os.remove(folder.img_dir + '/b.png')
    os.remove(folder.img_dir + '/night/c.png')
    message = refusal(folder)
    assert 'image b.png is not in the picture folder (2 such of 3)' in message
    assert '--skip-bad-images' in message


def test_a_picture_folder_may_be_written_in_any_way(folder):
    folder.data['images'][0]['file_name'] = './a.png'
    folder.data['images'][2]['file_name'] = 'night//c.png'
    folder.img_dir += '//'
    assert folder.check() == []


def test_pictures_of_one_id_are_left_out(folder):
    folder.data['images'][2]['id'] = 7
    for annotation in folder.data['annotations']:
        annotation['image_id'] = min(annotation['image_id'], 8) if annotation['id'] < 4 else 7
    assert 'image a.png has the id of another one (2 such of 3)' in refusal(folder)
    data, report = folder.clean()
    assert [i['file_name'] for i in data['images']] == ['b.png'] and [
        a['id'] for a in data['annotations']
    ] == [3]
    assert report == ['2 images left out, the first: image a.png has the id of another one']


def test_a_picture_that_is_listed_twice_is_kept_once(folder):
    sound = copy.deepcopy(folder.data)
    folder.data['images'].append(dict(folder.data['images'][0]))
    assert 'image a.png has the id of another one (1 such of 4)' in refusal(folder)
    assert folder.clean()[0] == sound


@pytest.mark.parametrize(
    'change', [dict(id=[7]), dict(id=None), dict(file_name=None), dict(file_name='')]
)
def test_images_that_cannot_be_named_are_refused_and_left_out(folder, change):
    folder.data['images'][0].update(change)
    assert (
        'has no file name' in (message := refusal(folder)) or 'neither a number nor text' in message
    )
    assert [i['file_name'] for i in folder.clean()[0]['images']] == ['b.png', 'night/c.png']


def test_images_without_a_size_or_a_name_are_refused(folder):
    folder.data['images'][1]['height'] = 0
    assert 'image b.png has no size' in refusal(folder)
    del folder.data['images'][1]['file_name']
    assert 'image 8 lacks id, file_name' in refusal(folder)


@pytest.mark.parametrize(
    'size, reason',
    [
        (dict(width=10**400), 'has no size'),
        (dict(width=40.0), 'no whole number of pixels'),
        (dict(width=2**20, height=2**20), 'more than 2..30 pixels'),
        (dict(width=True), 'has no size'),
    ],
)
def test_sizes_that_masks_cannot_have_are_refused(folder, size, reason):
    folder.data['images'][1].update(size)
    with pytest.raises(
        InputError, match=f'image b.png {"has" if "has" not in reason else ""} ?.*{reason}'
    ):
        folder.check()
    data, _ = folder.clean()
    assert len(data['images']) == (3 if size == dict(width=40.0) else 2)


def test_of_picture_ids_of_two_kinds_the_rarer_are_left_out(folder):
    """pycocotools sorts them: a TypeError at the first validation."""
    folder.data['images'][1]['id'] = folder.data['annotations'][2]['image_id'] = '8'
    assert 'image b.png has an id of another kind than most' in refusal(folder)
    assert [i['id'] for i in folder.clean()[0]['images']] == [7, 9]
    for entry in folder.data['images']:
        entry['id'] = str(entry['id'])
    for entry in folder.data['annotations']:
        entry['image_id'] = str(entry['image_id'])
    assert folder.check(scored=True) == []


def test_a_folder_is_no_picture(folder):
    folder.data['images'][0]['file_name'] = 'night'
    assert 'image night is not in the picture folder' in refusal(folder)
    folder.data['images'][0]['file_name'] = 'night/'
    assert 'is not in the picture folder' in refusal(folder)


@pytest.mark.parametrize('name', ['a\nb\x1b[2J.png', 'a\u202eb.png', 'x' * 5000, '\ud800.png'])
def test_messages_hold_no_control_characters(folder, name):
    folder.data['images'][0]['file_name'] = name
    message = refusal(folder)
    _, report = folder.clean()
    for line in (message, *report):
        assert line.isprintable() and len(line) < 500
