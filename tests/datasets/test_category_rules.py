import pytest

from ocrnet_mmdet.errors import InputError

from .coco_folder import NAN, refusal


def test_an_unknown_class_is_named_with_its_nearest(folder):
    message = refusal(folder, ('Robbot', 'ball'))
    assert "no class 'Robbot' (did you mean 'robot'?)" in message
    assert '(Robbot, ball)' in message and '(robot, ball, goal)' in message
    assert 'did you mean' not in refusal(folder, ('zeppelin',))


def test_two_categories_of_one_name_are_refused(folder):
    folder.data['categories'][2]['name'] = 'ball'
    assert "2 categories named 'ball'" in refusal(folder, ('robot', 'ball'))
    assert "categories named 'robot', the config 2" in refusal(folder, ('robot', 'robot'))


def test_names_that_are_numbers_are_compared_as_text(folder):
    for category in folder.data['categories']:
        category['name'] = category['id']
    assert folder.check(('1', '2', '3')) == folder.check(('3', '1')) == []
    assert "no class '4'" in refusal(folder, ('4',))
    folder.data['categories'][0]['name'] = '2'
    assert "2 categories named '2'" in refusal(folder, ('2',))


@pytest.mark.parametrize('name', [['robot'], {'en': 'robot'}, None, True, 1.5, NAN])
def test_a_class_whose_name_is_no_text_is_refused(folder, name):
    folder.data['categories'][1]['name'] = name
    assert 'the category of id 2 has the name' in refusal(folder)


def test_long_class_lists_are_shortened(folder):
    message = refusal(folder, [f'thing {i}' for i in range(80)])
    assert '... 80 in all' in message and len(message) < 700


def test_two_categories_of_one_id_are_refused(folder):
    """mmdet takes all objects of both for the last one's."""
    folder.data['categories'][1]['id'] = 1
    message = refusal(folder, None)
    assert "the categories 'robot' and 'ball' have the same id 1" in message
    with pytest.raises(InputError, match='the same id 1'):
        folder.clean()
    folder.data['categories'][1]['id'] = [2]
    assert "category 'ball' has the id [2]: give it a number" in refusal(folder)


def test_category_ids_of_two_kinds_are_refused(folder):
    folder.data['categories'][0]['id'] = '1'
    assert 'make all of them numbers' in refusal(folder)
