"""Bad data are named in one line before training, and can be left out."""

import copy
import json
import os
import time

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from ocrnet_mmdet.datasets import coco_file
from ocrnet_mmdet.datasets.clean import check_dataset, write_clean
from ocrnet_mmdet.errors import InputError

CLASSES = ('robot', 'ball', 'goal')
NAN = float('nan')


class Folder:
    """Three pictures, 40 x 30 pixels, four annotations of two classes, all of it sound."""

    def __init__(self, root):
        self.img_dir, self.ann_file = str(root / 'images'), str(root / 'ann.json')
        os.makedirs(self.img_dir + '/night')
        self.data = dict(
            images=[
                dict(id=i, file_name=name, width=40, height=30)
                for i, name in ((7, 'a.png'), (8, 'b.png'), (9, 'night/c.png'))
            ],
            annotations=[
                dict(
                    id=i,
                    image_id=image,
                    category_id=k,
                    bbox=[2, 3, 10, 8],
                    area=80,
                    iscrowd=0,
                    segmentation=[[2, 3, 12, 3, 12, 11, 2, 11]],
                )
                for i, image, k in ((1, 7, 1), (2, 7, 2), (3, 8, 1), (4, 9, 2))
            ],
            categories=[dict(id=k + 1, name=name) for k, name in enumerate(CLASSES)],
        )
        for image in self.data['images']:
            Image.new('RGB', (40, 30), 'teal').save(f'{self.img_dir}/{image["file_name"]}')

    def write(self):
        with open(self.ann_file, 'w') as file:
            json.dump(self.data, file)

    def check(self, classes=CLASSES, **options):
        self.write()
        return check_dataset(self.ann_file, self.img_dir, classes, 'train_dataloader', **options)

    def clean(self, **options):
        self.write()
        out = os.path.dirname(self.ann_file) + '/out/clean.json'
        report = write_clean(self.ann_file, self.img_dir, out, **options)
        with open(out) as file:
            return json.load(file), report


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def refusal(folder, *args, **options):
    """The message of the refusal, which must be one line that names data set and file."""
    with pytest.raises(InputError) as caught:
        folder.check(*args, **options)
    message = str(caught.value)
    assert '\n' not in message
    assert message.startswith('train_dataloader: ') and folder.ann_file in message
    return message


def test_sound_data_pass_without_a_note(folder):
    assert folder.check(masks=True) == []
    assert folder.check(classes=None) == []
    assert folder.check(classes=('ball',)) == []


def test_absent_file_and_folder_tell_how_to_get_data(folder):
    folder.write()
    with pytest.raises(InputError, match=r'no annotation file .*nope.json: .*COCO 2017.*make demo'):
        check_dataset('nope.json', folder.img_dir, None, 'train')
    with pytest.raises(InputError, match=r'no picture folder .*nope: .*COCO 2017.*make demo'):
        check_dataset(folder.ann_file, folder.img_dir + '/nope', None, 'train')


@pytest.mark.parametrize(
    'text, reason',
    [
        ('{"images": [', 'is not JSON'),
        ('\ufeff{}', 'without a byte order mark'),
        ('[1, 2]', 'not a COCO file'),
        ('{}', 'no list "images"'),
        ('{"images": [], "annotations": []}', 'no list "categories"'),
        ('{"images": [3], "annotations": [], "categories": []}', 'no list "images"'),
        ('{"images": [], "annotations": [], "categories": []}', 'lists no images'),
        (
            '{"images": [], "annotations": [], "categories": [], "annotations": []}',
            'key "annotations" twice',
        ),
        ('{"images": ' + 5000 * '[' + 5000 * ']' + '}', 'brackets stand too deep'),
        (
            '{"info": '
            + 200 * '['
            + 200 * ']'
            + ', "images": [], "annotations": [], "categories": []}',
            'brackets stand too deep',
        ),
        ('{"images": [' + 5000 * '9' + ']}', 'is not JSON'),
        ('{"im\x1b[31mages": 1, "im\x1b[31mages": 1}', 'is not JSON'),
    ],
)
def test_what_is_no_coco_file_is_refused(folder, text, reason):
    folder.write()
    with open(folder.ann_file, 'w') as file:
        file.write(text)
    with pytest.raises(InputError, match=reason):
        check_dataset(folder.ann_file, folder.img_dir, None, 'train')


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


BAD_ANNOTATIONS = [
    (dict(bbox=[NAN, 3, 10, 8]), 'four finite numbers'),
    (dict(bbox=[2, 3, float('inf'), 8]), 'four finite numbers'),
    (dict(bbox=[2, 3, 10]), 'four finite numbers'),
    (dict(bbox=['2', '3', '10', '8']), 'four finite numbers'),
    (dict(bbox=None), 'four finite numbers'),
    (dict(bbox=[2, 3, 0, 8]), 'of no area'),
    (dict(bbox=[2, 3, 10, -8]), 'of no area'),
    (dict(bbox=[40, 3, 10, 8]), 'outside its picture'),
    (dict(bbox=[2, -8, 10, 8]), 'outside its picture'),
    (dict(image_id=70), 'belongs to an image that is not listed'),
    (dict(category_id=70), 'has a category that is not listed'),
    (dict(image_id=[8]), 'neither a number nor text'),
    (dict(category_id=None), 'neither a number nor text'),
]


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


def test_two_categories_of_one_id_are_refused(folder):
    """mmdet takes all objects of both for the last one's."""
    folder.data['categories'][1]['id'] = 1
    message = refusal(folder, None)
    assert "the categories 'robot' and 'ball' have the same id 1" in message
    with pytest.raises(InputError, match='the same id 1'):
        folder.clean()
    folder.data['categories'][1]['id'] = [2]
    assert "category 'ball' has the id [2]: give it a number" in refusal(folder)


def test_images_without_a_size_or_a_name_are_refused(folder):
    folder.data['images'][1]['height'] = 0
    assert 'image b.png has no size' in refusal(folder)
    del folder.data['images'][1]['file_name']
    assert 'image 8 lacks id, file_name' in refusal(folder)


def test_missing_segmentations_matter_only_for_masks(folder):
    del folder.data['annotations'][1]['segmentation']
    assert folder.check() == []
    assert 'annotation 2 (a.png, box [2, 3, 10, 8]) has no segmentation' in refusal(
        folder, masks=True
    )


TRIANGLE = [2, 3, 12, 3, 12, 11]


@pytest.mark.parametrize(
    'segmentation',
    [
        TRIANGLE,
        [[[2, 3], [12, 3], [12, 11]]],
        [[]],
        [[], TRIANGLE],
        [[2, 3]],
        [[2, 3, 12, 11]],
        [[2, 3, 12, 11], TRIANGLE],
        [TRIANGLE + [2]],
        [TRIANGLE[:5] + [NAN]],
        [['2', '3', '12', '3', '12', '11']],
        'outline',
    ],
)
def test_odd_segmentations_matter_only_for_masks(folder, segmentation):
    folder.data['annotations'][1]['segmentation'] = segmentation
    message = refusal(folder, masks=True)
    assert (
        'annotation 2 (a.png' in message
        and 'no list of polygons' in message
        and 'with_mask = False' in message
    )
    assert folder.check() == folder.check(('robot',), masks=True) == []


def test_of_several_polygons_one_may_be_short(folder):
    folder.data['annotations'][1]['segmentation'] = [TRIANGLE, [2, 3, 12, 11]]
    assert folder.check(masks=True) == []


def test_run_length_masks_matter_only_where_polygons_are_read(folder):
    columns = [63, *[8, 22] * 9, 8, 859]  # those of the box
    folder.data['annotations'][1]['segmentation'] = dict(size=[30, 40], counts=columns)
    assert folder.check(masks=True) == []
    assert 'poly2mask=True' in refusal(folder, masks=True, polygons=True)
    folder.data['annotations'][1]['iscrowd'] = 1
    assert folder.check(masks=True, polygons=True) == []


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


def test_clean_copies_sound_data_unchanged(folder):
    data, report = folder.clean()
    assert data == folder.data and report == []


def test_clean_leaves_out_undecodable_pictures(folder):
    content = open(folder.img_dir + '/a.png', 'rb').read()
    open(folder.img_dir + '/a.png', 'wb').write(content[:60])
    Image.new('RGB', (10, 10)).save(folder.img_dir + '/night/c.png')
    data, report = folder.clean()
    assert [i['file_name'] for i in data['images']] == ['b.png']
    assert [a['id'] for a in data['annotations']] == [3]
    assert len(report) == 1
    assert '2 images' in report[0] and 'a.png' in report[0] and 'night/c.png' in report[0]
    data, report = folder.clean(decode=False)
    assert len(data['images']) == 3 and report == []


def test_what_clean_writes_passes_the_check(folder, tmp_path):
    for annotation, (change, _) in zip(folder.data['annotations'][1:], BAD_ANNOTATIONS[::4]):
        annotation.update(change)
    os.remove(folder.img_dir + '/b.png')
    folder.write()
    out = str(tmp_path / 'clean.json')
    assert write_clean(folder.ann_file, folder.img_dir, out)
    assert check_dataset(out, folder.img_dir, CLASSES, 'train', masks=True) == []
    assert COCO(out).getImgIds() == [7, 9]


def test_clean_writes_nothing_when_no_picture_is_left(folder):
    for image in folder.data['images']:
        os.remove(f'{folder.img_dir}/{image["file_name"]}')
    with pytest.raises(InputError, match='no picture is left of 3: .*a.png is not in'):
        folder.clean()
    assert not os.path.exists(os.path.dirname(folder.ann_file) + '/out')


def test_a_cut_off_clean_leaves_no_file_of_that_name(folder, tmp_path, monkeypatch):
    folder.write()

    def write_half(data, file):
        file.write('{"images": [')
        raise OSError('No space left on device')

    monkeypatch.setattr(coco_file.json, 'dump', write_half)
    with pytest.raises(OSError, match='No space'):
        write_clean(folder.ann_file, folder.img_dir, str(tmp_path / 'out/clean.json'))
    assert os.listdir(tmp_path / 'out') == []


def test_the_checks_time_is_linear_in_the_boxes(folder):
    """COCO's 860,001 boxes and 118,287 pictures take 6 s beside parsing, not hours."""
    boxes = np.random.default_rng(0).uniform(1, 20, (10000, 4)).tolist()
    template = folder.data['annotations'][0]
    folder.data['annotations'] = [dict(template, id=i, bbox=box) for i, box in enumerate(boxes)]
    folder.write()
    start = time.process_time()
    check_dataset(folder.ann_file, folder.img_dir, CLASSES, 'train', masks=True)
    assert time.process_time() - start < 2


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


def test_category_ids_of_two_kinds_are_refused(folder):
    folder.data['categories'][0]['id'] = '1'
    assert 'make all of them numbers' in refusal(folder)


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


RUNS = dict(size=[30, 40], counts=[0, 5, 1195])


@pytest.mark.parametrize(
    'change',
    [
        dict(counts=None),
        dict(size=None),
        dict(counts=[]),
        dict(counts='text'),
        dict(counts=[0, -5, 1205]),
        dict(counts=[0, 5, 1194]),
        dict(counts=[0, 5, 1196]),
        dict(size=[40, 30]),
        dict(size=[30, 40.0]),
        dict(size=[30]),
        dict(counts=[1200]),
        dict(counts=[5, 0, 5, 1190]),
        dict(counts='0' * 4000),
        dict(counts='o' * 4000),
        dict(counts=5),
    ],
)
@pytest.mark.parametrize('crowd', [0, 1])
def test_run_lengths_fill_their_picture(folder, change, crowd):
    folder.data['annotations'][1].update(segmentation=dict(RUNS, **change), iscrowd=crowd)
    assert (
        'annotation 2 (a.png' in (message := refusal(folder, masks=True))
        and 'run lengths' in message
    )
    data, report = folder.clean(masks=True)
    assert [a['id'] for a in data['annotations']] == [1, 3, 4] and 'run lengths' in report[0]
    assert len(folder.clean()[0]['annotations']) == 4


@pytest.mark.parametrize(
    'polygons, reason',
    [
        ([[2, 3, 1e9, 3, 12, 11]], 'picture sides past'),
        ([[-500, 3, 12, 3, 12, 11]], 'picture sides past'),
        ([TRIANGLE, [2, 3, 12, -500]], 'picture sides past'),
        ([[0, 0, 40, 30] * 20000], 'a million pixels of outline'),
        ([[10**400, 3, 12, 3, 12, 11]], 'no list of polygons'),
    ],
)
def test_polygons_that_pycocotools_cannot_draw_are_refused(folder, polygons, reason):
    folder.data['annotations'][1]['segmentation'] = polygons
    message = refusal(folder, masks=True)
    assert 'annotation 2' in message and reason in message
    assert len(folder.clean(masks=True)[0]['annotations']) == 3


def test_polygons_without_a_pixel_are_not_scored(folder):
    folder.data['annotations'][1]['segmentation'] = [[2, 3, 12, 3, 2, 3]]
    (note,) = folder.check(masks=True)
    assert 'boxes and masks of 1 of 4 objects do not lie on each other' in note
    assert 'mark no pixel' in refusal(folder, masks=True, scored=True)
    assert len(folder.clean(masks=True)[0]['annotations']) == 3
