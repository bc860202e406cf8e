"""Mask pictures: which picture, which class, which objects."""

import numpy as np
import pytest
from PIL import Image

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any

from .compared import rows, true_rows
from .truth import HEIGHT, WIDTH, make_truth, mask_of, write_instance_masks


def save(values, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)


def kinds(found):
    return sorted(c['name'] for c in found.data['categories'])


@pytest.mark.parametrize('name', ['p0_masks.png', 'p0-label.tif', 'P0.png', 'masks/p0.png'])
def test_a_mask_is_found_by_its_pictures_name(truth, pictures, tmp_path, name):
    write_instance_masks({'p0.png': truth['p0.png']}, tmp_path / 'made')
    values = np.asarray(Image.open(tmp_path / 'made/p0.png'))
    save(values, tmp_path / 'labels' / name)
    found = read_any(tmp_path / 'labels', pictures)
    assert rows(found.data) == true_rows({'p0.png': truth['p0.png']}, 'object')


def test_masks_among_the_pictures_are_no_pictures(tmp_path):
    """As the Data Science Bowl of 2018 kept them: ID/images/ID.png, ID/masks/HASH.png."""
    truth = make_truth(tmp_path / 'made', count=2)
    for name, objects in truth.items():
        save(
            np.asarray(Image.open(tmp_path / 'made' / name)),
            tmp_path / f'set/{name[:-4]}/images/{name}',
        )
        for i, o in enumerate(objects):
            mask = mask_of(o['points']).astype(np.uint8) * 255
            save(mask, tmp_path / f'set/{name[:-4]}/masks/{i:08x}.png')
    found = read_any(tmp_path / 'set', tmp_path / 'set')
    moved = {f'{name[:-4]}/images/{name}': objects for name, objects in truth.items()}
    assert rows(found.data) == true_rows(moved, 'object')
    assert len(found.masks) == sum(map(len, truth.values())) and len(found.notes) == 1


def test_cellposes_masks_beside_the_pictures_are_read(tmp_path):
    truth = make_truth(tmp_path, count=2)
    write_instance_masks(truth, tmp_path / 'made')
    for name in truth:
        (tmp_path / 'made' / name).rename(tmp_path / f'{name[:-4]}_masks.png')
    (tmp_path / 'made').rmdir()
    found = read_any(tmp_path, tmp_path)
    assert rows(found.data) == true_rows(truth, 'object')
    assert found.masks == {'p0_masks.png', 'p1_masks.png'}


@pytest.mark.parametrize('way', ['{kind}/{stem}/1.png', '{stem}/{kind}/1.png', '{kind}/{stem}.png'])
def test_a_folder_is_the_class(pictures, truth, tmp_path, way):
    for kind in ('cat', 'dog'):
        values = np.zeros((HEIGHT, WIDTH), np.uint8)
        values[10:20, 30 if kind == 'cat' else 60 :][:, :9] = 5
        save(values, tmp_path / way.format(kind=kind, stem='p0'))
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == [('p0.png', 'cat', 30, 10, 9, 10), ('p0.png', 'dog', 60, 10, 9, 10)]


def test_masks_of_one_value_are_cut_into_connected_parts(truth, pictures, tmp_path):
    for name, objects in truth.items():
        both = np.any([mask_of(o['points']) for o in objects], 0)
        save(both.astype(np.uint8) * 255, tmp_path / name)
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(truth, 'object')
    assert 'objects: connected parts, as all masks have the one value 255 beside 0' in found.notes


def test_an_object_in_two_parts_stays_one_where_values_differ(pictures, truth, tmp_path):
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[5:10, 5:10], values[30:40, 50:60], values[50:52, :4] = 1, 1, 2
    save(values, tmp_path / 'p0.png')
    boxes = [a['bbox'] for a in read_any(tmp_path, pictures).data['annotations']]
    assert boxes == [[5, 5, 55, 35], [0, 50, 4, 2]]


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_colours_are_objects(pictures, truth, tmp_path, mode):
    colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours[5:10, 5:10], colours[30:40, 50:60] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(colours).convert(mode).save(tmp_path / 'p0.png')
    boxes = [a['bbox'] for a in read_any(tmp_path, pictures).data['annotations']]
    assert sorted(boxes) == [[5, 5, 5, 5], [50, 30, 10, 10]]


def test_an_empty_mask_is_a_picture_without_objects(truth, pictures, tmp_path):
    write_instance_masks({**truth, 'p0.png': []}, tmp_path)
    found = read_any(tmp_path, pictures)
    assert len(found.data['images']) == 4
    assert rows(found.data) == true_rows({**truth, 'p0.png': []}, 'object')


@pytest.mark.parametrize(
    'spoil, reason',
    [
        (
            lambda path: save(np.ones((9, 8), np.uint8), path),
            'has 8 x 9 pixels, its picture 96 x 64',
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), 'p0.png: '),
        (
            lambda path: save(np.ones((HEIGHT, WIDTH), np.uint8), path, format='JPEG'),
            'is JPEG, which changes values',
        ),
    ],
)
def test_a_damaged_mask_leaves_its_picture_out(truth, pictures, tmp_path, spoil, reason):
    write_instance_masks(truth, tmp_path)
    spoil(tmp_path / 'p0.png')
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(
        {n: o for n, o in truth.items() if n != 'p0.png'}, 'object'
    )
    [note] = [n for n in found.notes if n.startswith('1 damaged')]
    assert reason in note


def test_masks_of_no_picture_are_counted(truth, pictures, tmp_path):
    write_instance_masks({**truth, 'other.png': truth['p0.png']}, tmp_path)
    found = read_any(tmp_path, pictures)
    assert any(n.startswith('1 masks of no picture') and 'other.png' in n for n in found.notes)


def test_a_folder_of_pictures_alone_is_one_line(truth, pictures):
    with pytest.raises(InputError, match='holds pictures and no labels: name the folder'):
        read_any(pictures, pictures)


def test_a_folder_above_called_masks_makes_no_masks(tmp_path):
    folder = tmp_path / 'Masks/project'
    truth = make_truth(folder)
    write_instance_masks(truth, tmp_path / 'made')
    for name in truth:
        (tmp_path / 'made' / name).rename(folder / f'{name[:-4]}_masks.png')
    found = read_any(folder, folder)
    assert rows(found.data) == true_rows(truth, 'object') and len(found.masks) == 4


def voc_palette():
    """Bits 0, 3, 6 of a number are red's highest ones, 1, 4, 7 green's, 2, 5 blue's."""
    return [
        sum(((number >> 3 * bit + channel) & 1) << 7 - bit for bit in range(3))
        for number in range(256)
        for channel in range(3)
    ]


@pytest.mark.parametrize(
    'void, with_palette, left_out',
    [(True, True, 4), (True, False, 0), (False, True, 0)],
)
def test_vocs_void_is_no_object(truth, pictures, tmp_path, void, with_palette, left_out):
    more = dict(label='cell', points=[(90, 2), (95, 2), (95, 9), (90, 9)], box=(90, 2, 5, 7))
    for name, objects in truth.items():
        values = np.zeros((HEIGHT, WIDTH), np.uint8)
        for i, o in enumerate(objects, 1):
            values[mask_of(o['points'])] = i
        values[2:9, 90:95] = 255
        if not void:
            values[12:14, 90:95] = 254
        mask = Image.fromarray(values, 'L')
        if with_palette:
            mask.putpalette(voc_palette())
        mask.save(tmp_path / name)
    found = read_any(tmp_path, pictures)
    beside = [] if left_out else [more]
    if not void:
        beside = [*beside, dict(label='cell', box=(90, 12, 5, 2))]
    assert rows(found.data) == true_rows({n: o + beside for n, o in truth.items()}, 'object')
    notes = [n for n in found.notes if "VOC's void seam of value 255" in n]
    assert [n.startswith(f'{left_out} masks') for n in notes] == [True] * bool(left_out)
