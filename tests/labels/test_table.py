"""CSV of boxes: columns by name, pixels or shares, classes, damage."""

import re

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import columns, read_any

from ..detectors import ROOT
from .compared import rows, true_rows
from .truth import make_truth

STYLES = {
    'filename,class,xmin,ymin,xmax,ymax': '{n},{c},{x},{y},{r},{b}',
    'image_id;LabelName;XMin;XMax;YMin;YMax': '{n};{c};{sx};{sr};{sy};{sb}',
    'picture,class,score,x0,y0,x1,y1': '{n},{c},0.9,{x},{y},{r},{b}',
    'path\tx1\ty1\tx2\ty2\tlabel': 'images/{n}\t{x}\t{y}\t{r}\t{b}\t{c}',
    'image,x,y,w,h,name': '{n},{x},{y},{w},{h},{c}',
    'image,x,y,width,height,label': '{n},{x},{y},{w},{h},{c}',
    'File Name,x_center,y_center,width,height,category': '{n},{smx},{smy},{sw},{sh},{c}',
    'image_id,width,height,bbox,class': '{n},96,64,"[{x}, {y}, {w}, {h}]",{c}',
}


def cells(name, o):
    x, y, w, h = o['box']
    shares = dict(sx=x, sy=y, sr=x + w, sb=y + h, sw=w, sh=h, smx=x + w / 2, smy=y + h / 2)
    shares = {k: v / (64 if k[-1] in 'ybh' else 96) for k, v in shares.items()}
    return dict(n=name, c=o['label'], x=x, y=y, w=w, h=h, r=x + w, b=y + h) | shares


def write(truth, path, header, row):
    lines = [row.format(**cells(n, o)) for n, objects in truth.items() for o in objects]
    path.write_text('\n'.join([header, *lines]) + '\n')
    return path


@pytest.mark.parametrize('header', STYLES)
def test_columns_are_known_by_their_names(truth, pictures, tmp_path, header):
    found = read_any(write(truth, tmp_path / 'a.csv', header, STYLES[header]), pictures)
    assert rows(found.data) == true_rows(truth)
    assert ('shares of the picture' in found.notes[1]) == ('{s' in STYLES[header])


@pytest.mark.parametrize('first', [0, 1])
@pytest.mark.parametrize('scale', [(1, 1), (96, 64)])
def test_numbered_points_are_an_outline(truth, pictures, tmp_path, first, scale):
    points = [(24, 8), (48, 16), (40, 32), (16, 24)]
    header = ','.join(f'x{i},y{i}' for i in range(first, first + 4))
    row = ','.join(f'{x / scale[0]:.6f},{y / scale[1]:.6f}' for x, y in points)
    (tmp_path / 'a.csv').write_text(f'image,{header},class\np0.png,{row},cell\n')
    found = read_any(tmp_path / 'a.csv', pictures)
    [annotation] = found.data['annotations']
    assert annotation['bbox'] == [16, 8, 32, 24]
    assert annotation['segmentation'] == [[c for point in points for c in point]]
    assert 'the points of an outline' in found.notes[1]


def test_the_guide_lists_every_name_of_a_column():
    guide = (ROOT / 'docs/label_formats.md').read_text()
    listed = {word for cell in re.findall('`([^`]+)`', guide) for word in cell.split()}
    known = (*columns.FROM_ZERO, *columns.CORNERS, *columns.MIDDLE, *columns.START, *columns.SIDES)
    known = {name for group in (*known, columns.PICTURE, columns.CLASS) for name in group}
    assert known | {*columns.WHOLE} <= listed


def test_without_a_class_all_are_objects(truth, pictures, tmp_path):
    path = write(truth, tmp_path / 'a.csv', 'image,x1,y1,x2,y2', '{n},{x},{y},{r},{b}')
    found = read_any(path, pictures)
    assert rows(found.data) == true_rows(truth, 'object') and 'class none' in found.notes[1]


def test_a_row_without_a_box_is_a_picture_without_objects(truth, pictures, tmp_path):
    header = 'image,x1,y1,x2,y2,class'
    path = write({'p0.png': truth['p0.png']}, tmp_path / 'a.csv', header, '{n},{x},{y},{r},{b},{c}')
    path.write_text(path.read_text() + 'p1.png,,,,,\n')
    found = read_any(path, pictures)
    assert len(found.data['images']) == 2
    assert rows(found.data) == true_rows({'p0.png': truth['p0.png']})


def test_files_called_train_and_test_are_a_split(tmp_path):
    truths = {part: make_truth(tmp_path / part, i, 2) for i, part in enumerate(('train', 'val'))}
    for part, truth in truths.items():
        header, row = 'image,x1,y1,x2,y2,class', '{n},{x},{y},{r},{b},{c}'
        write(truth, tmp_path / f'{part}_labels.csv', header, f'{part}/{row}')
    found = read_any(tmp_path, tmp_path)
    named = {f'val/{name}': objects for name, objects in truths['val'].items()}
    assert rows(found.of('val')) == true_rows(named)


@pytest.mark.parametrize('value', ['x', '', 'nan', 'inf'])
def test_a_damaged_row_leaves_its_picture_out(truth, pictures, tmp_path, value):
    path = write(truth, tmp_path / 'a.csv', 'image,x1,y1,x2,y2,class', '{n},{x},{y},{r},{b},{c}')
    lines = path.read_text().splitlines()
    cut = lines[1].split(',')
    cut[3] = value
    path.write_text('\n'.join([lines[0], ','.join(cut), *lines[2:]]))
    found = read_any(path, pictures)
    assert rows(found.data) == true_rows({n: o for n, o in truth.items() if n != 'p0.png'})
    [note] = [n for n in found.notes if n.startswith('1 damaged')]
    assert 'line 2: a coordinate is' in note


def test_a_row_of_another_length_is_one_line(truth, pictures, tmp_path):
    path = write(truth, tmp_path / 'a.csv', 'image,x1,y1,x2,y2,class', '{n},{x},{y},{r},{b}')
    with pytest.raises(InputError, match=r'a\.csv has 5 cells in line 2, in the header 6'):
        read_any(path, pictures)


@pytest.mark.parametrize('header', ['a,b,c,d,e', 'image,xmin,ymin,class', 'p0.png,1,2,3,4,cell'])
def test_unknown_columns_are_no_labels(truth, pictures, tmp_path, header):
    (tmp_path / 'a.csv').write_text(header + '\n')
    with pytest.raises(InputError, match='is of no known label format: give COCO JSON, YOLO'):
        read_any(tmp_path / 'a.csv', pictures)


def test_a_files_own_name_goes_before_its_folders(tmp_path):
    truths = {part: make_truth(tmp_path / part, i, 2) for i, part in enumerate(('train', 'val'))}
    for part, truth in truths.items():
        (tmp_path / 'labels/my_test_set').mkdir(parents=True, exist_ok=True)
        header, row = 'image,x1,y1,x2,y2,class', '{n},{x},{y},{r},{b},{c}'
        write(truth, tmp_path / f'labels/my_test_set/{part}.csv', header, f'{part}/{row}')
    found = read_any(tmp_path / 'labels', tmp_path)
    assert sorted(found.part.values()) == ['train', 'train', 'val', 'val']


@pytest.mark.parametrize('other', [' p0.png', 'P0.PNG', './p0.png', 'p0.png '])
def test_rows_of_a_picture_belong_together_as_spelled(truth, pictures, tmp_path, other):
    path = tmp_path / 'a.csv'
    path.write_text(f'image,x1,y1,x2,y2\np0.png,1,2,9,9\np1.png,1,2,3,4\n{other},4,5,6,7\n')
    found = read_any(path, pictures)
    assert [i['file_name'] for i in found.data['images']] == ['p0.png', 'p1.png']
    assert len(found.data['annotations']) == 3 and len(found.notes) == 2


def test_rows_of_two_pictures_are_not_joined_as_one_is_not_there(truth, pictures, tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text('image,x1,y1,x2,y2\na/p0.png,1,2,9,9\nb/p0.png,4,5,6,7\n')
    found = read_any(path, pictures)
    assert len(found.data['annotations']) == 1 and 'second labels' in found.notes[-1]


def test_a_box_of_brackets_without_end_leaves_its_picture_out(truth, pictures, tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text(f'image,bbox\np0.png,"{"[" * 100_000}"\np1.png,"[1, 2, 3, 4]"\n')
    found = read_any(path, pictures)
    assert [i['file_name'] for i in found.data['images']] == ['p1.png']
    assert 'line 2 has the box [[[' in found.notes[-1]
