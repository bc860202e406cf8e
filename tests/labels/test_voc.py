"""Pascal VOC: where pixels are counted from, difficult objects, parts, splits, damage."""

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any

from .compared import rows, true_rows
from .truth import voc_text, write_voc


def test_pixels_counted_from_one_are_told_and_moved(truth, pictures, tmp_path):
    whole = {'p0.png': [dict(label='cell', box=(0, 0, 96, 64))]}
    write_voc(whole, tmp_path)
    assert '<xmin>1</xmin>' in (tmp_path / 'p0.xml').read_text()
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(whole) and 'counted from 1' in found.notes[1]


def test_a_zero_says_that_points_lie_between_pixels(truth, pictures, tmp_path):
    edge = {**truth, 'p0.png': [dict(label='cell', box=(0, 3, 96, 60))]}
    write_voc(edge, tmp_path, first=0)
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(edge) and 'points between pixels' in found.notes[1]


def test_points_with_fractions_lie_between_pixels(truth, pictures, tmp_path):
    write_voc(truth, tmp_path, first=0)
    text = (tmp_path / 'p0.xml').read_text()
    (tmp_path / 'p0.xml').write_text(text.replace('</xmin>', '.0</xmin>', 1))
    assert 'counted from 1' in read_any(tmp_path, pictures).notes[1]
    (tmp_path / 'p0.xml').write_text(text)
    for file in tmp_path.iterdir():
        text = file.read_text()
        for tag in ('xmin', 'ymin', 'xmax'):
            text = text.replace(f'</{tag}>', f'.0</{tag}>')
        file.write_text(text)
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth)


def test_difficult_objects_are_crowds(truth, pictures, tmp_path):
    hard = dict(truth['p0.png'][0], difficult=1)
    write_voc({'p0.png': [hard, *truth['p0.png'][1:]]}, tmp_path)
    found = read_any(tmp_path, pictures)
    assert [a['iscrowd'] for a in found.data['annotations']][:2] == [1, 0]
    assert any(n.startswith('1 difficult objects, neither learnt nor') for n in found.notes)


def test_parts_of_objects_are_counted_and_left_out(truth, pictures, tmp_path):
    write_voc(truth, tmp_path)
    part = '<part><name>wall</name><bndbox><xmin>2</xmin></bndbox></part></object>'
    text = (tmp_path / 'p0.xml').read_text()
    (tmp_path / 'p0.xml').write_text(text.replace('</object>', part, 1))
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows(truth)
    assert '1 parts of objects, left out, such as p0.xml' in found.notes


def lists(folder, **names):
    (folder / 'ImageSets/Main').mkdir(parents=True)
    for part, listed in names.items():
        (folder / f'ImageSets/Main/{part}.txt').write_text('\n'.join(listed))


@pytest.mark.parametrize('named', ['', 'Annotations'])
def test_image_sets_are_the_split(truth, pictures, tmp_path, named):
    write_voc(truth, tmp_path / 'Annotations')
    lists(
        tmp_path, train=['p0'], val=['p1'], trainval=['p0', 'p1'], cell_train=['p0  1'], test=['p2']
    )
    found = read_any(tmp_path / named, pictures)
    assert [i['file_name'] for i in found.of('train')['images']] == ['p0.png']
    assert rows(found.of('val')) == true_rows({'p1.png': truth['p1.png']})
    assert any(n.startswith('1 pictures of no part') and 'p3.png' in n for n in found.notes)


def test_trainval_and_test_are_a_split_too(truth, pictures, tmp_path):
    write_voc(truth, tmp_path / 'Annotations')
    lists(tmp_path, trainval=['p0', 'p1', 'p2'], test=['p3'])
    assert sorted(read_any(tmp_path, pictures).part.values()) == ['test', *['train'] * 3]


def test_the_files_own_name_counts_before_what_it_states(truth, pictures, tmp_path):
    (tmp_path / 'p1.xml').write_text(voc_text('p0.png', truth['p1.png']))
    (tmp_path / 'other.xml').write_text(voc_text('p2', truth['p2.png']))
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows({n: truth[n] for n in ('p1.png', 'p2.png')})


def test_a_size_of_zero_is_the_pictures(truth, pictures, tmp_path):
    write_voc(truth, tmp_path)
    text = (tmp_path / 'p0.xml').read_text()
    (tmp_path / 'p0.xml').write_text(text.replace('>96<', '>0<').replace('>64<', '>0<'))
    image = read_any(tmp_path, pictures).data['images'][0]
    assert (image['width'], image['height']) == (96, 64)


@pytest.mark.parametrize(
    'change, reason',
    [
        (lambda text: text[:-20], 'not XML'),
        (lambda text: text.replace('<xmin>', '<xmin>x', 1), 'xmin is x'),
        (lambda text: text.replace('bndbox', 'polygon'), 'an object has no bndbox'),
        (lambda text: text.replace('<name>', '<nom>').replace('</name>', '</nom>'), 'no class'),
    ],
)
def test_a_damaged_file_is_named_and_left_out(truth, pictures, tmp_path, change, reason):
    write_voc(truth, tmp_path)
    (tmp_path / 'p0.xml').write_text(change((tmp_path / 'p0.xml').read_text()))
    found = read_any(tmp_path, pictures)
    assert rows(found.data) == true_rows({n: o for n, o in truth.items() if n != 'p0.png'})
    [note] = [n for n in found.notes if n.startswith('1 damaged')]
    assert 'p0.xml: ' in note and reason in note


def test_if_all_are_damaged_the_first_is_named(truth, pictures, tmp_path):
    (tmp_path / 'p0.xml').write_text('<annotation><object/></annotation>')
    with pytest.raises(InputError, match=r'labels no picture .*p0\.xml: an object has no bndbox'):
        read_any(tmp_path, pictures)
