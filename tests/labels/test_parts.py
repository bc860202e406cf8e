"""What is a split, by the names of files, folders and subsets, in every format."""

import json

import pytest

from ocrnet_mmdet.labels import read_any
from ocrnet_mmdet.labels.parts import is_split, part_of
from ocrnet_mmdet.start.labels import read_labels

from . import truth as writers
from .compared import rows, true_rows

PART_OF = {'p0.png': 'train', 'p1.png': 'train', 'p2.png': 'second', 'p3.png': 'third'}


@pytest.mark.parametrize(
    'path, part',
    [
        ('train/a.json', 'train'),
        ('my_test_set/train.csv', 'train'),
        ('train2017', 'train'),
        ('Validation', 'val'),
        ('x/TESTING-2/y', 'test'),
        ('trains/value.csv', None),
        ('', None),
    ],
)
def test_the_last_name_with_a_parts_word_says_the_part(path, part):
    assert part_of(path) == part


@pytest.mark.parametrize(
    'parts, split',
    [
        (['train', 'val'], True),
        (['train', 'test', None], True),
        (['train', None], False),
        (['val', 'test'], False),
    ],
)
def test_a_split_has_what_to_train_and_what_to_score_on(parts, split):
    assert is_split(parts) is split


def write_coco(truth, folder):
    (folder / '_annotations.json').write_text(json.dumps(writers.coco(truth)))


def write_csv(truth, folder):
    lines = ['image,x1,y1,x2,y2,class']
    for name, objects in truth.items():
        for o in objects:
            x, y, w, h = o['box']
            lines.append(f'{name},{x},{y},{x + w},{y + h},{o["label"]}')
    (folder / 'boxes.csv').write_text('\n'.join(lines))


def write_yolo(truth, folder):
    writers.write_yolo(truth, folder)
    (folder.parent / 'classes.txt').write_text('cell\nbig cell\n')


def write_parts(kind, truth, folder, names):
    """Labels of each picture in a folder of its part's name; CVAT has subsets for that."""
    if kind == 'cvat':
        text = writers.cvat(truth, 'box')
        for name, part in names.items():
            text = text.replace(f'name="{name}"', f'name="{name}" subset="{part.title()}"')
        (folder / 'annotations.xml').write_text(text)
        return
    if kind == 'voc':
        writers.write_voc(truth, folder / 'Annotations')
        (folder / 'ImageSets/Main').mkdir(parents=True)
    for part in {*names.values()}:
        ours = {name: truth[name] for name in names if names[name] == part}
        if kind == 'voc':
            listed = ''.join(f'{name[:-4]}\n' for name in ours)
            (folder / f'ImageSets/Main/{part}.txt').write_text(listed)
        else:
            (folder / part).mkdir()
            dict(coco=write_coco, csv=write_csv, yolo=write_yolo)[kind](ours, folder / part)


def names_of(second, third):
    return {n: dict(second=second, third=third).get(p, p) for n, p in PART_OF.items()}


KINDS = ('coco', 'csv', 'cvat', 'voc', 'yolo')


@pytest.mark.parametrize('kind', KINDS)
def test_train_and_test_are_a_split(kind, truth, pictures, tmp_path):
    write_parts(kind, truth, tmp_path, names_of('test', 'test'))
    found = read_any(tmp_path, pictures)
    of_part = {part: {n: truth[n] for n in ours} for part, ours in
               dict(train=('p0.png', 'p1.png'), test=('p2.png', 'p3.png')).items()}  # fmt: skip
    assert sorted(found.part.values()) == ['test', 'test', 'train', 'train']
    for part, ours in of_part.items():
        assert rows(found.of(part)) == true_rows(ours)


@pytest.mark.parametrize('kind', KINDS)
def test_pictures_of_no_part_of_a_split_are_counted(kind, truth, pictures, tmp_path):
    write_parts(kind, truth, tmp_path, names_of('val', 'default'))
    found = read_any(tmp_path, pictures)
    assert sorted(found.part.values()) == ['other', 'train', 'train', 'val']
    [note] = [n for n in found.notes if 'of no part' in n]
    assert note == '1 pictures of no part of the split, left out, such as p3.png'


@pytest.mark.parametrize('kind', KINDS)
def test_without_train_or_what_to_score_on_there_is_no_split(kind, truth, pictures, tmp_path):
    write_parts(kind, truth, tmp_path, names_of('train', 'default'))
    found = read_any(tmp_path, pictures)
    assert not found.part and rows(found.of('train')) == true_rows(truth)


def test_pictures_of_no_part_are_not_pretrained_on(truth, pictures, tmp_path):
    (tmp_path / 'labels').mkdir()
    write_parts('cvat', truth, tmp_path / 'labels', names_of('val', 'default'))
    data = read_labels(pictures, tmp_path / 'labels', None, 0.25, 0)
    assert data.unseen == {'p2.png', 'p3.png'} and data.bare == 0
    assert [i['file_name'] for i in data.train['images']] == ['p0.png', 'p1.png']
