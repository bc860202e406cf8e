"""The page of tools/start.py: its numbers are the annotations', each complaint has its picture."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from demo.data_set import make_demo_set
from ocrnet_mmdet.datasets.load_image import read_picture
from ocrnet_mmdet.datasets.note import Example
from ocrnet_mmdet.start import page as check_page
from ocrnet_mmdet.start import start
from ocrnet_mmdet.start.pictures import example_drawings, labelled, spread

from ..browser import files_of, images_on_a_telephone, needs_browser
from ..detectors import ROOT

BOX = dict(category_id=1, bbox=[10, 10, 30, 30], area=900, iscrowd=0)


class Page(HTMLParser):
    """Tables as lists of cells, captions with the pictures above them, and lines alone."""

    def __init__(self, text):
        super().__init__()
        self.text, self.rows, self.figures, self.lines = text, [], [], []
        self._open = ''
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ('td', 'figcaption', 'p', 'tr', 'figure'):
            self._open = tag
        if tag == 'tr':
            self.rows.append([])
        elif tag == 'figure':
            self.figures.append(['', []])
        elif tag == 'p':
            self.lines.append('')
        elif tag == 'td':
            self.rows[-1].append('')
        elif tag == 'img':
            self.figures[-1][1].append(dict(attrs)['src'])

    def handle_endtag(self, tag):
        self._open = ''

    def handle_data(self, data):
        if self._open == 'td':
            self.rows[-1][-1] += data
        elif self._open == 'figcaption':
            self.figures[-1][0] += data
        elif self._open == 'p':
            self.lines[-1] += data

    def row(self, name):
        return next(row[1:] for row in self.rows if row and row[0] == name)

    def pictures_of(self, words):
        """Numbers of drawings of the captions with these words."""
        return [len(pictures) for caption, pictures in self.figures if words in caption]


def annotations_of(folder, part):
    return json.loads((folder / f'annotations/{part}.json').read_text())


@pytest.fixture(scope='module')
def sound(tmp_path_factory):
    """A demo set, what start.py made of it, and the page."""
    folder = tmp_path_factory.mktemp('own')
    make_demo_set(str(folder / 'set'), train=12, val=3, unlabelled=2, size=96)
    begin(folder / 'set', folder / 'mine')
    return folder, Page((folder / 'mine/check.html').read_text())


def begin(pictures, out, labels='annotations/train.json', val='annotations/val.json'):
    return start(
        pictures, pictures / labels, val and pictures / val, 0.25, 0, True, out, ROOT / 'configs'
    )


@pytest.fixture(scope='module')
def damaged(sound, tmp_path_factory):
    """The same set with a defect of each kind that the check mends, leaves out or tells of."""
    folder = tmp_path_factory.mktemp('damaged')
    shutil.copytree(sound[0] / 'set', folder / 'set')
    file = folder / 'set/annotations/train.json'
    data = json.loads(file.read_text())
    names = {image['id']: image['file_name'] for image in data['images']}
    ids = list(names)
    new = 900
    for image_id, change in (
        (ids[0], dict(bbox=[200, 10, 5, 5])),
        (ids[1], dict(bbox=[10, 10, 0, 5])),
        (ids[2], dict(iscrowd=1, segmentation=dict(size=[96, 96], counts=[96, 96, 9024]))),
        (ids[3], dict(segmentation=[[1, 2]])),
        (ids[4], dict(bbox='no box')),
        (ids[5], dict(bbox=[60, 60, 30, 30], segmentation=[[5, 5, 30, 5, 30, 30]])),
        (ids[6], dict(segmentation=dict(size=[96, 96], counts=[1, 2]))),
    ):
        box = [10, 10, 40, 10, 40, 40, 10, 40]
        annotation = BOX | dict(id=new, image_id=image_id, segmentation=[box]) | change
        data['annotations'].append(annotation)
        new += 1
    data['images'].append(dict(id=99, file_name='gone.jpg', width=96, height=96))
    next(i for i in data['images'] if i['id'] == ids[7])['width'] = 90
    (folder / 'set' / names[ids[8]]).write_bytes(b'no picture')
    file.write_text(json.dumps(data))
    val = annotations_of(folder / 'set', 'val')['images'][0]['file_name']
    shutil.copy(folder / 'set' / names[ids[9]], folder / 'set' / val)
    (folder / 'set/train/film.mp4').write_bytes(b'')
    report = begin(folder / 'set', folder / 'mine')
    return report, Page((folder / 'mine/check.html').read_text())


def test_the_counts_are_the_annotations(sound):
    folder, page = sound
    for part in ('train', 'val'):
        data = annotations_of(folder / 'mine', part)
        filled = {a['image_id'] for a in data['annotations']}
        images = len(data['images'])
        numbers = [images, images - len(filled), len(data['annotations']), 0]
        assert page.row(part) == [str(number) for number in numbers]
    assert page.row('not in the labels')[0] == '2'
    assert page.row('left out by the check')[0] == '0'


def test_the_bars_are_the_annotations(sound):
    folder, page = sound
    for part in ('train', 'val'):
        data = annotations_of(folder / 'mine', part)
        for category in data['categories']:
            count = sum(a['category_id'] == category['id'] for a in data['annotations'])
            assert f'<!-- {count} -->' in page.text, (part, category['name'])


def test_captions_count_the_objects_of_their_pictures(sound):
    folder, page = sound
    told = 0
    for part in ('train', 'val'):
        data = annotations_of(folder / 'mine', part)
        names = {c['id']: c['name'] for c in data['categories']}
        for image in data['images']:
            ours = [
                names[a['category_id']] for a in data['annotations'] if a['image_id'] == image['id']
            ]
            (caption,) = [c for c, _ in page.figures if f'{part}, {image["file_name"]}: ' in c]
            words = {f'{ours.count(name)} {name}' for name in ours}
            assert set(caption.split(': ')[1].split(', ')) == words
            told += 1
    assert told == 15


@pytest.mark.parametrize(
    'words, drawings',
    [
        ('has a box outside its picture', 1),
        ('has a box of no area', 1),
        ('has a segmentation that is no list of polygons', 1),
        ('has a box that is not four finite numbers', 1),
        ('has run lengths that do not fill its picture', 1),
        ('objects are not trained on: 1 crowds', 1),
        ('boxes and masks of 1 of', 1),
        ('2 images left out that cannot be used', 1),
        ('val pictures are near-duplicates of training pictures', 2),
        ('pictures have no labels', 1),
    ],
)
def test_each_complaint_has_its_picture(damaged, words, drawings):
    report, page = damaged
    assert words in report
    (number,) = page.pictures_of(words)
    assert number >= drawings


def test_a_complaint_stands_before_its_pictures(damaged):
    _, page = damaged
    (place,) = [f.start() for f in re.finditer('has a box outside its picture', page.text)]
    figure = page.text.rindex('<figure', 0, place)
    assert '<img' not in page.text[figure:place] and '<img' in page.text[place:][:500]


def test_a_single_class_is_not_named_in_drawings(tmp_path):
    Image.new('RGB', (100, 100)).save(tmp_path / 'a.png')
    annotations = [dict(BOX, bbox=[20, 40, 60, 40])]
    for names, named in ({1: 'cat'}, False), ({1: 'cat', 2: 'dog'}, True):
        picture = labelled(tmp_path, dict(file_name='a.png'), annotations, names)
        ((drawing, said),) = picture.drawings
        assert said == '1 cat'
        above = decoded(tmp_path, drawing)[: round(0.38 * 448)]
        assert (above.max() > 100) == named


def test_one_class_is_one(sound, tmp_path):
    shutil.copytree(sound[0] / 'set', tmp_path / 'set')
    for part in ('train', 'val'):
        file = tmp_path / f'set/annotations/{part}.json'
        data = json.loads(file.read_text())
        data['categories'] = data['categories'][:1]
        for annotation in data['annotations']:
            annotation['category_id'] = data['categories'][0]['id']
        file.write_text(json.dumps(data))
    begin(tmp_path / 'set', tmp_path / 'mine')
    page = Page((tmp_path / 'mine/check.html').read_text())
    assert any(line.startswith('1 class, masks') for line in page.lines)


def test_complaints_without_a_picture_are_lines(damaged):
    report, page = damaged
    for words in ('is not in the picture folder', '1 files are left out by their suffix: .mp4'):
        assert words in report
        assert any(words in line for line in page.lines) and not page.pictures_of(words)
    assert any('no drawing: gone.jpg cannot be read' in line for line in page.lines)


def test_every_line_on_the_data_is_on_the_page(damaged):
    report, page = damaged
    lines = report.split('\nnet = ')[0].splitlines()
    told = [caption for caption, _ in page.figures] + page.lines
    assert len(lines) > 12
    assert not [line for line in lines if not any(line[:60] in other for other in told)]


def test_what_was_left_out_is_counted(damaged):
    _, page = damaged
    pictures, _, objects, _ = page.row('left out by the check')
    # gone.jpg, the damaged one and the one of another size; five bad annotations and theirs
    assert pictures == '3' and int(objects) >= 5


def test_the_drawn_box_lies_where_the_annotation_is(tmp_path):
    Image.new('RGB', (100, 100)).save(tmp_path / 'a.png')
    picture = read_drawing(tmp_path, [dict(BOX, bbox=[20, 40, 50, 30])])
    red = np.argwhere((picture[..., 2] > 150) & (picture[..., 1] < 110))
    scale = picture.shape[0] / 100
    assert np.abs(red.min(0) / scale - (40, 20)).max() < 1
    assert np.abs(red.max(0) / scale - (70, 70)).max() < 1


def read_drawing(folder, objects):
    return decoded(folder, example_drawings(folder, Example('a.png', tuple(objects)))[0])


def decoded(folder, drawing):
    (folder / 'drawn.jpg').write_bytes(base64.b64decode(drawing.uri.split(',')[1]))
    return read_picture(str(folder / 'drawn.jpg'))


@pytest.mark.parametrize(
    'change',
    [
        dict(bbox=None),
        dict(bbox=[1, 2, 3]),
        dict(bbox=[1e300, 0, 5, 5]),
        dict(bbox=[0, 0, float('nan'), 5]),
        dict(bbox=[-400, -400, 1, 1]),
        dict(bbox=['1', 2, 3, 4]),
        dict(bbox=None, segmentation=dict(size=[5, 5], counts='a')),
        dict(bbox=None, segmentation=[[0, 0, 1e12, 5, 5, 5]]),
        dict(bbox=None, segmentation=7),
        {'bbox': None, 'category_id': []},
    ],
)
def test_what_cannot_be_drawn_leaves_the_picture(tmp_path, change):
    Image.new('RGB', (100, 80)).save(tmp_path / 'a.png')
    assert read_drawing(tmp_path, [BOX | change]).max() < 40


def test_a_small_object_is_drawn_close_too(tmp_path):
    Image.new('RGB', (400, 300)).save(tmp_path / 'a.png')
    for x, side, number in ((395, 5, 2), (195, 200, 1), (500, 5, 1)):
        example = Example('a.png', (dict(BOX, bbox=[x, 0, side, side]),))
        assert len(example_drawings(tmp_path, example)) == number


def test_shown_pictures_spread_over_classes_and_counts():
    rng = np.random.default_rng(0)
    counts = rng.poisson((5, 2, 0.1, 0.03), (300, 4))
    chosen = spread(counts)
    assert len(set(chosen)) == 24
    assert (counts[chosen] > 0).any(0).all()
    totals = counts.sum(1)
    assert totals[chosen[0]] == totals[counts[:, 3] > 0].min()  # of the rarest class
    assert totals[chosen[-1]] >= np.quantile(totals, 0.99)


def test_of_many_classes_rare_and_common_ones_are_shown():
    counts = np.eye(100, dtype=int)[np.repeat(np.arange(100), np.arange(1, 101))]
    kinds = counts[spread(counts)].argmax(1)
    assert len(set(kinds)) == 24 and {0, 99} <= {*kinds.tolist()}


@pytest.mark.parametrize('shape', [(0, 3), (5, 0), (5, 2)])
def test_of_no_labelled_picture_none_is_shown(shape):
    assert spread(np.zeros(shape, int)) == []


def test_all_of_a_few_pictures_are_shown():
    assert sorted(spread(np.array([[1, 0], [0, 0], [3, 0], [0, 2]]))) == [0, 2, 3]


def test_of_heavy_pictures_those_are_shown_that_fit(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(check_page, 'MOST_BYTES', 60_000)
    begin(sound[0] / 'set', tmp_path / 'mine')
    page = Page((tmp_path / 'mine/check.html').read_text())
    shown = sum(len(source) for _, pictures in page.figures for source in pictures)
    assert 10_000 < shown <= 60_000
    number = len(page.pictures_of('train, ')) + len(page.pictures_of('val, '))
    assert any(line.startswith(f'{number} of 15 pictures') for line in page.lines)


def test_the_page_names_no_other_file(damaged):
    assert files_of(damaged[1].text)


def test_names_are_no_markup(sound, tmp_path):
    shutil.copytree(sound[0] / 'set', tmp_path / 'set')
    file = tmp_path / 'set/annotations/train.json'
    data = json.loads(file.read_text())
    data['categories'][0]['name'] = '<b>$x^2 & 圆</b>'
    file.write_text(json.dumps(data))
    begin(tmp_path / 'set', tmp_path / 'mine', val=None)
    text = (tmp_path / 'mine/check.html').read_text()
    assert '<b>$' not in text and '&lt;b&gt;$x^2 &amp; 圆&lt;/b&gt;' in text


@needs_browser
@pytest.mark.parametrize('kind', ['sound', 'damaged'])
def test_the_page_fits_a_telephone_and_fetches_nothing(request, kind, tmp_path):
    images = images_on_a_telephone(request.getfixturevalue(kind)[1].text, tmp_path)
    assert len(images) > 10 and all(images)
