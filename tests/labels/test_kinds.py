"""A format is told by its content; what is unknown or ambiguous is one line that says what goes."""

import json

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any
from ocrnet_mmdet.labels.kinds import source_of

from . import truth as writers


@pytest.mark.parametrize(
    'name, text, kind',
    [
        ('a.json', '{"images": [], "annotations": [], "categories": []}', 'COCO JSON'),
        ('a.json', '{"_via_img_metadata": {}}', 'VIA JSON'),
        ('a.json', '{"x.png1": {"filename": "x.png", "regions": []}}', 'VIA JSON'),
        ('a.json', '{"shapes": [], "imagePath": "x.png"}', 'LabelMe JSON'),
        ('a.xml', '<annotation/>', 'Pascal VOC'),
        ('a.xml', '<?xml version="1.0"?><annotations><image/></annotations>', 'CVAT XML'),
        ('a.txt', '0 0.5 0.5 1e-1 .25\n', 'YOLO'),
        ('a.yaml', 'names: [a]\ntrain: x\n', 'YOLO'),
        ('a.txt', 'image,x1,y1,x2,y2\n', 'CSV'),
    ],
)
def test_a_file_is_told_by_its_content(tmp_path, name, text, kind):
    (tmp_path / name).write_text(text)
    assert source_of(tmp_path / name).kind == source_of(tmp_path).kind == kind


def test_the_report_begins_with_the_format(truth, pictures, tmp_path):
    writers.write_voc(truth, tmp_path)
    assert read_any(tmp_path, pictures).notes[0] == 'Pascal VOC, 4 XML files'


def test_empty_and_foreign_texts_do_not_hide_labels(truth, pictures, tmp_path):
    writers.write_yolo(truth, tmp_path)
    for i in range(40):
        (tmp_path / f'a{i}.txt').touch()
    (tmp_path / 'README.txt').write_text('made by hand\n')
    assert source_of(tmp_path).kind == 'YOLO'


def test_two_formats_in_one_folder_are_one_line(truth, tmp_path):
    writers.write_voc(truth, tmp_path / 'xml')
    (tmp_path / 'all.json').write_text(json.dumps(writers.coco(truth)))
    message = r'several formats, COCO JSON \(all\.json\), Pascal VOC \(xml/p0\.xml\): name'
    with pytest.raises(InputError, match=message):
        source_of(tmp_path)


@pytest.mark.parametrize(
    'name, text, message',
    [
        (
            'a.json',
            '[{"data": {}, "annotations": []}]',
            "Label Studio's own JSON: export it as COCO",
        ),
        ('a.json', '{"categories": {}, "items": []}', "Datumaro's own JSON: export it as COCO"),
        ('a.json', '{"project": {}, "metadata": {}, "view": {}}', 'a project of VIA 3'),
        ('a.xml', '<annotations><track/></annotations>', 'CVAT for video: export it as'),
        ('a.json', '[1, 2]', 'no known label format: give COCO JSON, YOLO'),
        ('a.docx', 'x', 'no known label format'),
        ('a.xml', '<annotation>', 'is not XML'),
        ('a.json', '{', 'is not JSON'),
    ],
)
def test_what_is_not_taken_says_what_is(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        source_of(tmp_path / name)


def test_a_folder_without_labels_is_one_line(tmp_path):
    with pytest.raises(InputError, match='holds no labels of a known format: give COCO JSON'):
        source_of(tmp_path)


def test_labels_of_other_pictures_are_one_line(truth, pictures, tmp_path):
    writers.write_voc({'q.png': truth['p0.png']}, tmp_path)
    with pytest.raises(InputError, match=r'labels no picture below .*1 labels of no picture'):
        read_any(tmp_path, pictures)
