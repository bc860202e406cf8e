"""Label files as they lie on the disk: folders that cannot be read, marks before a text."""

import json
import os
from codecs import BOM_UTF8

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any

from . import truth as writers
from .compared import rows, true_rows


def test_a_folder_that_cannot_be_read_is_one_line(truth, pictures, tmp_path, monkeypatch):
    writers.write_voc(truth, tmp_path / 'a')
    writers.write_voc(truth, tmp_path / 'b')
    real = os.scandir

    def scandir(path):
        if str(path).endswith('b'):
            raise PermissionError(13, 'Permission denied', path)
        return real(path)

    monkeypatch.setattr(os, 'scandir', scandir)
    with pytest.raises(InputError, match=r'/b cannot be listed: Permission denied: correct its'):
        read_any(tmp_path, pictures)


@pytest.mark.parametrize('kind', ['coco', 'via', 'labelme'])
def test_json_may_begin_with_a_byte_order_mark(kind, truth, pictures, tmp_path):
    if kind == 'labelme':
        writers.write_labelme(truth, tmp_path, 'rectangle')
    else:
        data = writers.coco(truth) if kind == 'coco' else writers.via(truth, 'rect')
        (tmp_path / 'all.json').write_text(json.dumps(data))
    for file in tmp_path.iterdir():
        file.write_bytes(BOM_UTF8 + file.read_bytes())
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth)


@pytest.mark.parametrize('kind', ['labelme', 'voc', 'yolo'])
def test_suffixes_may_be_in_capitals(kind, truth, pictures, tmp_path):
    if kind == 'labelme':
        writers.write_labelme(truth, tmp_path, 'rectangle')
        for file in tmp_path.iterdir():  # found by the file's name alone
            content = dict(json.loads(file.read_text()), imagePath='')
            file.write_text(json.dumps(content))
    elif kind == 'voc':
        writers.write_voc(truth, tmp_path)
    else:
        writers.write_yolo(truth, tmp_path)
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_suffix(file.suffix.upper()))
    if kind == 'yolo':
        (tmp_path / 'classes.txt').write_text('cell\nbig cell\n')
    assert rows(read_any(tmp_path, pictures).data) == true_rows(truth)
