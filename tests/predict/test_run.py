"""A whole call: nested folders, damaged pictures, videos, going on where a call was stopped."""

import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.predict import Predictor
from ocrnet_mmdet.predict.run import predict

from ..detectors import ROOT
from .kill import FORMATS, OPTIONS
from .squares import draw_squares, square_predictor
from .test_sources import write_video


def results(folder) -> dict[str, bytes]:
    """Content of all files but the records, in which a call may have left a line of its own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and path.name != 'found.jsonl'
    }


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / 'pictures'
    for i, name in enumerate(('a.png', 'sub/b.png', 'sub/deep/c.jpg')):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), draw_squares(40, 50, [(5, 5, 20 + i, 20)], [i]))
    return folder


def test_drawings_and_files_keep_the_folders(pictures, tmp_path, monkeypatch):
    predictor = square_predictor(monkeypatch)
    assert predict(predictor, [str(pictures)], tmp_path / 'out', ['yolo']) == 0
    drawn = {name for name in results(tmp_path / 'out') if name.startswith('drawn/')}
    assert drawn == {'drawn/a.png', 'drawn/sub/b.png', 'drawn/sub/deep/c.jpg'}
    image, shown = (
        cv2.imread(str(pictures / 'a.png')),
        cv2.imread(str(tmp_path / 'out/drawn/a.png')),
    )
    changed = (image != shown).any(2)
    assert changed[5:20, 5:20].any() and not changed[25:].any()
    assert (tmp_path / 'out/yolo/sub/b.txt').read_text().startswith('1 0.2')


def test_a_damaged_picture_is_named_and_the_rest_goes_on(pictures, tmp_path, monkeypatch, capsys):
    whole = (pictures / 'a.png').read_bytes()
    (pictures / 'a.png').write_bytes(whole[:60])
    cv2.imwrite(str(pictures / 'thin.png'), np.zeros((1, 9, 3), np.uint8))
    predictor, out = square_predictor(monkeypatch, batch=4), tmp_path / 'out'
    assert predict(predictor, [str(pictures)], out, ['coco']) == 1
    assert 'a.png: cannot be read' in (out / 'failed.txt').read_text()
    assert '1 pictures could not be read' in capsys.readouterr().err
    assert predictor.net.model.batches == [2, 1]  # by size
    (pictures / 'a.png').write_bytes(whole)
    assert predict(predictor, [str(pictures)], out, ['coco']) == 0
    assert predictor.net.model.batches == [2, 1, 1] and not (out / 'failed.txt').exists()
    assert 'a.png' in (out / 'coco.json').read_text()


def test_a_finished_call_predicts_nothing_again(pictures, tmp_path, monkeypatch):
    predictor, out = square_predictor(monkeypatch, batch=2), tmp_path / 'out'
    predict(predictor, [str(pictures)], out, ['csv'])
    first, count = results(out), len(predictor.net.model.batches)
    predict(predictor, [str(pictures)], out, ['csv', 'labelme'])
    assert len(predictor.net.model.batches) == count
    assert {name: content for name, content in results(out).items() if name in first} == first
    assert 'labelme/sub/deep/c.json' in results(out)


def test_drawings_below_the_pictures_are_not_predicted(pictures, monkeypatch):
    predictor = square_predictor(monkeypatch)
    predict(predictor, [str(pictures)], pictures / 'out')
    predict(predictor, [str(pictures)], pictures / 'out')
    assert sum(predictor.net.model.batches) == 3


def test_frames_of_a_video_are_predicted_by_number(tmp_path, monkeypatch):
    write_video(tmp_path / 'clip.avi')
    predictor, out = square_predictor(monkeypatch), tmp_path / 'out'
    assert predict(predictor, [str(tmp_path / 'clip.avi')], out, ['csv']) == 0
    assert {'drawn/clip.avi/000000.png', 'drawn/clip.avi/000001.png'} <= results(out).keys()
    assert 'clip.avi/000001,' in (out / 'found.csv').read_text()
    predict(predictor, [str(tmp_path / 'clip.avi')], out)
    assert sum(predictor.net.model.batches) == 2


def test_tiles_are_said_once(pictures, tmp_path, monkeypatch, capsys):
    predictor = square_predictor(monkeypatch, tile=20)
    predict(predictor, [str(pictures)], tmp_path / 'out', drawings=False)
    said = capsys.readouterr().err
    assert said.count('is cut into') == 1 and '50 x 40 px' in said
    assert not (tmp_path / 'out/drawn').exists()


def test_results_of_another_score_need_another_folder(pictures, tmp_path, monkeypatch):
    predict(square_predictor(monkeypatch), [str(pictures)], tmp_path / 'out')
    with pytest.raises(InputError, match='score'):
        predict(square_predictor(monkeypatch, score=0.5), [str(pictures)], tmp_path / 'out')


def test_a_killed_call_ends_as_if_never_stopped(work_dir, data, tmp_path):
    folder = tmp_path / 'pictures'
    shutil.copytree(data / 'val', folder)
    (folder / 'damaged.jpg').write_bytes(b'')
    command = [sys.executable, '-W', 'ignore', '-m', 'tests.predict.kill', str(work_dir)]
    killed = subprocess.run([*command, str(folder), str(tmp_path / 'killed'), '1'], cwd=ROOT)
    assert killed.returncode == -9
    left = results(tmp_path / 'killed')
    assert left and 'coco.json' not in left  # it was under way
    predictor = Predictor(work_dir, **OPTIONS)
    for out in ('killed', 'whole'):
        assert predict(predictor, [str(folder)], tmp_path / out, FORMATS) == 1
    assert results(tmp_path / 'killed') == results(tmp_path / 'whole')
    assert len(results(tmp_path / 'whole')) >= 5 * 3 + 5


@pytest.mark.parametrize('below', ['', 'pictures'])
def test_results_are_not_written_over_the_pictures(pictures, tmp_path, monkeypatch, below):
    with pytest.raises(InputError, match='in which all the pictures lie: name a folder'):
        predict(square_predictor(monkeypatch), [str(pictures)], tmp_path / below)
    assert not list(tmp_path.rglob('found.jsonl'))


def test_two_pictures_are_never_one_file(tmp_path, monkeypatch):
    names = ['a.jpg', 'a.png', 'a.jpg.tif', 'classes.jpg', 'g.gif', 'g.gif.png']
    for i, name in enumerate(names):
        path = tmp_path / 'p' / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(draw_squares(40, 50, [(5, 5, 20 + i, 20)], [i % 3])).save(path)
    predict(square_predictor(monkeypatch), [str(tmp_path / 'p')], tmp_path / 'out', ['yolo'])
    assert len(list((tmp_path / 'out/drawn').iterdir())) == len(names)
    assert len(list((tmp_path / 'out/yolo').iterdir())) == len(names) + 1
    assert (tmp_path / 'out/yolo/classes.txt').read_text() == 'blue\ngreen\nred\n'
