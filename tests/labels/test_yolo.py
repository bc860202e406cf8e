"""YOLO: split files, folders, names, and what is damaged."""

import shutil

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any

from .compared import rows, true_rows
from .truth import make_truth, write_yolo


def make_set(root, parts=('train', 'val')):
    """images/PART and labels/PART below ``root``; the truth by part, names with folders."""
    truths = {}
    for seed, part in enumerate(parts):
        truth = make_truth(root / 'images' / part, seed, count=2)
        write_yolo(truth, root / 'labels' / part)
        truths[part] = {f'images/{part}/{name}': objects for name, objects in truth.items()}
    return truths


@pytest.mark.parametrize(
    'lines',
    [
        'path: .\ntrain: images/train\nval: images/val\nnames: [cell, big cell]',
        'path: .\ntrain: images/train\nval: images/val\nnames: {0: cell, 1: big cell}',
        'train: ../images/train\nval: ../images/val\nnc: 2\nnames: [cell, big cell]',
        'path: .\ntrain: train.txt\nval: [val.txt]\nnames: [cell, big cell]',
        'path: ROOT\ntrain: images/train/*.png\nval: images/val\nnames: [cell, big cell]',
    ],
)
def test_the_yaml_gives_pictures_names_and_split(tmp_path, lines):
    truths = make_set(tmp_path)
    for part, truth in truths.items():
        (tmp_path / f'{part}.txt').write_text(''.join(f'./{name}\n' for name in truth))
    (tmp_path / 'data.yaml').write_text(lines.replace('ROOT', str(tmp_path)))
    found = read_any(tmp_path / 'data.yaml', tmp_path)
    for part, truth in truths.items():
        assert rows(found.of(part)) == true_rows(truth)
    assert read_any(tmp_path, tmp_path).part == found.part


@pytest.mark.parametrize('place', ['labels', 'labels/train', 'labels/images'])
def test_labels_may_lie_beside_the_yaml(truth, pictures, tmp_path, place):
    write_yolo(truth, tmp_path / place)
    (tmp_path / 'list.txt').write_text(''.join(f'{pictures}/{name}\n' for name in truth))
    (tmp_path / 'data.yaml').write_text('train: list.txt\nnames: [cell, big cell]')
    if place == 'labels/images':
        (tmp_path / place).rename(tmp_path / 'labels' / pictures.name)
    assert rows(read_any(tmp_path / 'data.yaml', pictures).data) == true_rows(truth)


def test_one_folder_for_train_and_val_is_no_split(tmp_path):
    make_set(tmp_path)
    text = 'train: images/train\nval: images/train\nnames: [cell, big cell]'
    (tmp_path / 'data.yaml').write_text(text)
    found = read_any(tmp_path / 'data.yaml', tmp_path)
    assert not found.part and len(found.data['images']) == 2


def test_folders_called_train_and_val_are_a_split(tmp_path):
    truths = make_set(tmp_path)
    (tmp_path / 'labels/classes.txt').write_text('cell\nbig cell\n')
    found = read_any(tmp_path / 'labels', tmp_path)
    for part, truth in truths.items():
        assert rows(found.of(part)) == true_rows(truth)


@pytest.mark.parametrize('name', ['classes.txt', 'Classes.txt'])
def test_names_are_read_in_either_case(tmp_path, truth, pictures, name):
    write_yolo(truth, tmp_path)
    (tmp_path / name).write_text('cell\nbig cell\n')
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(truth)
    assert f'classes: of {name}' in found.notes and not any('damaged' in n for n in found.notes)


def test_texts_beside_their_pictures_are_read(tmp_path):
    truth = make_truth(tmp_path)
    write_yolo(truth, tmp_path)
    (tmp_path / 'obj.names').write_text('cell\nbig cell\n')
    assert rows(read_any(tmp_path, tmp_path).data) == true_rows(truth)


def test_without_names_classes_are_called_by_number(tmp_path, truth, pictures):
    write_yolo(truth, tmp_path)
    found = read_any(tmp_path, pictures)
    assert {c['name'] for c in found.data['categories']} == {'0', '1'}
    assert 'called by their numbers' in found.notes[1]


def test_an_empty_text_is_a_picture_without_objects(tmp_path, truth, pictures):
    write_yolo(truth, tmp_path)
    (tmp_path / 'p0.txt').write_text('\n')
    (tmp_path / 'p1.txt').unlink()
    found = read_any(tmp_path, pictures)
    assert [i['file_name'] for i in found.data['images']] == ['p0.png', 'p2.png', 'p3.png']
    assert not any(a['image_id'] == 1 for a in found.data['annotations'])
    assert found.bare == {'p1.png'}


def test_a_text_of_no_picture_is_counted(tmp_path, truth, pictures):
    write_yolo(truth, tmp_path)
    shutil.copy(tmp_path / 'p0.txt', tmp_path / 'other.txt')
    [note] = [n for n in read_any(tmp_path, pictures).notes if 'of no picture' in n]
    assert note.startswith('1 labels') and 'other' in note


def test_keypoints_leave_the_box(tmp_path):
    [(name, objects)] = make_truth(tmp_path / 'images', count=1).items()
    write_yolo({name: objects}, tmp_path / 'labels')
    file = tmp_path / 'labels/p0.txt'
    file.write_text(''.join(f'{line} .1 .2 .3 .4\n' for line in file.read_text().splitlines()))
    text = 'train: images\nkpt_shape: [2, 2]\nnames: [cell, big cell]'
    (tmp_path / 'data.yaml').write_text(text)
    found = read_any(tmp_path / 'data.yaml', tmp_path / 'images')
    assert rows(found.data) == true_rows({name: objects})
    assert 'keypoints: left out' in found.notes[1]


@pytest.mark.parametrize(
    'line, reason',
    [
        ('0 .5 .5 .1', 'line 1 has 4 values, expected 5'),
        ('0 .5 .5 .1 .1 1.9', 'line 1 has 6 values'),
        ('0 .5 .5 .1 .1 .1 .1 .9', 'line 1 has 8 values'),
        ('0 .5 .5 .1 x', 'line 1 is x, expected a number'),
        ('0 .5 .5 .1 nan', 'line 1 is nan, expected a number'),
        ('7 .5 .5 .1 .1', 'line 1 has the class 7, and 2 classes have names'),
        ('0 48 32 10 10', 'line 1 has 48, expected shares of the picture'),
    ],
)
def test_a_damaged_text_is_named_and_left_out(tmp_path, truth, pictures, line, reason):
    write_yolo(truth, tmp_path)
    (tmp_path / 'classes.txt').write_text('cell\nbig cell\n')
    (tmp_path / 'p0.txt').write_text(line)
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows({n: o for n, o in truth.items() if n != 'p0.png'})
    [note] = [n for n in found.notes if n.startswith('1 damaged')]
    assert f'p0.txt: {reason}' in note


@pytest.mark.parametrize(
    'text, message',
    [
        ('train: none\nnames: [a]', 'train names none, which is neither a folder nor a list'),
        ('train: images\nnames: 3', 'has names of 3, expected a list'),
        ('train: images\nnames: {1: a}', 'has names of .*expected a list'),
        ('train: [images\nnames: 3', 'is not YAML'),
    ],
)
def test_a_damaged_yaml_is_one_line(tmp_path, text, message):
    (tmp_path / 'data.yaml').write_text(text)
    with pytest.raises(InputError, match=message):
        read_any(tmp_path / 'data.yaml', tmp_path)


@pytest.mark.parametrize('name', ['test', 'train', 'val', 'valid', 'readme_2'])
def test_a_text_of_a_picture_with_a_lists_name_is_read(tmp_path, name):
    truth = make_truth(tmp_path / 'pictures')
    (tmp_path / 'pictures/p0.png').rename(tmp_path / f'pictures/{name}.png')
    write_yolo(truth, tmp_path / 'labels')
    (tmp_path / 'labels/p0.txt').rename(tmp_path / f'labels/{name}.txt')
    (tmp_path / 'labels/obj.names').write_text('cell\nbig cell\n')
    truth[f'{name}.png'] = truth.pop('p0.png')
    found = read_any(tmp_path / 'labels', tmp_path / 'pictures')
    assert rows(found.data) == true_rows(truth) and found.notes[0] == 'YOLO, 4 text files'
    (tmp_path / f'labels/{name}.txt').write_text('')
    found = read_any(tmp_path / 'labels', tmp_path / 'pictures')
    assert len(found.data['images']) == 4 and not found.bare


@pytest.mark.parametrize('name', ['train.txt', 'VAL.txt', 'README.txt', 'predefined_classes.txt'])
def test_lists_and_texts_for_people_are_no_labels(truth, pictures, tmp_path, name):
    write_yolo(truth, tmp_path)
    (tmp_path / name).write_text('images/p0.png\n')
    (tmp_path / 'obj.names').write_text('cell\nbig cell\n')
    (tmp_path / 'test.txt').symlink_to('nowhere')
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(truth) and len(found.notes) == 2


def test_a_yaml_in_capitals_is_one(tmp_path):
    make_set(tmp_path)
    (tmp_path / 'DATA.YAML').write_text('train: images/train\nval: images/val\nnames: [a, b]')
    for path in (tmp_path, tmp_path / 'DATA.YAML'):
        assert sorted(read_any(path, tmp_path).part.values()) == ['train', 'train', 'val', 'val']


def test_an_empty_line_among_the_classes_is_one_line(truth, pictures, tmp_path):
    write_yolo(truth, tmp_path)
    (tmp_path / 'classes.txt').write_text('cell\n\nbig cell\n')
    with pytest.raises(InputError, match=r'classes\.txt has an empty line 2, .* delete it, or'):
        read_any(tmp_path, pictures)
    (tmp_path / 'classes.txt').write_text('cell\nbig cell\n\n \n')
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth)


def test_a_class_written_as_a_fraction_is_a_row(pictures, truth, tmp_path):
    write_yolo(truth, tmp_path)
    for file in tmp_path.iterdir():
        lines = [line.replace(' ', '.0 ', 1) for line in file.read_text().splitlines()]
        file.write_text('\n'.join(lines))
    (tmp_path / 'obj.names').write_text('cell\nbig cell\n')
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth)


def test_a_yaml_above_the_texts_says_that_there_are_keypoints(tmp_path):
    truth = make_truth(tmp_path / 'images', count=2)
    write_yolo(truth, tmp_path / 'labels')
    for file in (tmp_path / 'labels').iterdir():
        lines = file.read_text().splitlines()
        file.write_text(''.join(f'{line} .1 .2 .3 .4\n' for line in lines))
    (tmp_path / 'data.yaml').write_text('train: x\nkpt_shape: [2, 2]\nnames: [cell, big cell]')
    found = read_any(tmp_path / 'labels', tmp_path / 'images')
    assert rows(found.data) == true_rows(truth)
    assert 'keypoints: left out, their boxes are taken' in found.notes
