"""A whole call: the list, the drafts, what is left out, going on where it was stopped."""

import json
import shutil
import subprocess
import sys

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.labels import read_any
from ocrnet_mmdet.predict import Predictor
from ocrnet_mmdet.suggest.run import suggest

from ..detectors import ROOT


@pytest.fixture
def pictures(data, tmp_path):
    """Five pictures, a copy of the first and a damaged one."""
    folder = tmp_path / 'pictures'
    shutil.copytree(data / 'val', folder)
    shutil.copy(folder / '000000.jpg', folder / 'copy.jpg')
    (folder / 'damaged.jpg').write_bytes(b'no picture')
    return folder


@pytest.fixture
def predictor(work_dir):
    return Predictor(work_dir, device='cpu', score=0.0)


def rows(out) -> list[list[str]]:
    return [line.split('\t') for line in (out / 'suggest.txt').read_text().splitlines()]


def test_pictures_are_ranked_without_copies(predictor, pictures, tmp_path, capsys):
    assert suggest(predictor, [str(pictures)], tmp_path / 'out', 9, 0.0) == 1
    listed = rows(tmp_path / 'out')
    assert [number for number, *_ in listed] == ['1', '2', '3', '4', '5']
    names = [path.rpartition('/')[2] for _, path, _ in listed]
    assert len({*names, 'copy.jpg', '000000.jpg'}) == 6 and 'damaged.jpg' not in names
    assert 'away from the nearest label, ' in listed[-1][2] and 'objects doubtful' in listed[0][2]
    said = capsys.readouterr()
    assert '9 were asked for' in said.err and '5 of 6 pictures' in said.out
    assert 'damaged.jpg' in (tmp_path / 'out/failed.txt').read_text()


def test_drafts_are_labels_of_the_chosen_pictures(predictor, pictures, tmp_path):
    out = tmp_path / 'out'
    suggest(predictor, [str(pictures)], out, 2, 0.0)
    chosen = {path.rpartition('/')[2] for _, path, _ in rows(out)}
    assert {path.stem + '.jpg' for path in (out / 'labelme').glob('*.json')} == chosen
    coco = json.loads((out / 'coco.json').read_text())
    assert {image['file_name'] for image in coco['images']} == chosen and coco['annotations']
    found = read_any(out / 'labelme', pictures)
    assert {image['file_name'] for image in found.data['images']} == chosen


def test_drafts_have_the_objects_of_the_asked_score(predictor, pictures, tmp_path):
    suggest(predictor, [str(pictures)], tmp_path / 'out', 2, 0.0)
    every = json.loads((tmp_path / 'out/coco.json').read_text())['annotations']
    middle = sorted(label['score'] for label in every)[len(every) // 2]
    suggest(predictor, [str(pictures)], tmp_path / 'best', 2, middle)
    best = json.loads((tmp_path / 'best/coco.json').read_text())['annotations']
    assert len(best) == sum(label['score'] >= middle for label in every) < len(every)
    assert rows(tmp_path / 'out') == rows(tmp_path / 'best')


def test_labelled_pictures_and_their_copies_are_left_out(predictor, pictures, tmp_path, capsys):
    image = dict(id=1, file_name='000000.jpg', width=96, height=96)
    labels = dict(images=[image], annotations=[], categories=[dict(id=1, name='star')])
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    suggest(predictor, [str(pictures)], tmp_path / 'out', 9, 0.0, tmp_path / 'labels.json')
    assert {path.rpartition('/')[2] for _, path, _ in rows(tmp_path / 'out')} == {
        f'00000{i}.jpg' for i in range(1, 5)
    }
    assert '2 of the 7 pictures are labelled' in capsys.readouterr().err


def test_a_stopped_call_goes_on_to_the_same_list(predictor, pictures, tmp_path, monkeypatch):
    suggest(predictor, [str(pictures)], tmp_path / 'whole', 3, 0.0)
    detect, seen = predictor.detect, []

    def stop_at_the_third(names, images):
        seen.extend(names)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return detect(names, images)

    monkeypatch.setattr(predictor, 'detect', stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        suggest(predictor, [str(pictures)], tmp_path / 'out', 3, 0.0)
    suggest(predictor, [str(pictures)], tmp_path / 'out', 3, 0.0)
    assert len(seen) == 3 + 4  # two of six were done
    assert rows(tmp_path / 'out') == rows(tmp_path / 'whole')


def test_corrected_drafts_are_not_overwritten(predictor, pictures, tmp_path):
    suggest(predictor, [str(pictures)], tmp_path / 'out', 2, 0.0)
    with pytest.raises(InputError, match='name another --out'):
        suggest(predictor, [str(pictures)], tmp_path / 'out', 2, 0.0)


def test_a_video_is_refused(predictor, pictures, tmp_path):
    (tmp_path / 'clip.mp4').write_bytes(b'')
    with pytest.raises(InputError, match='extract its frames'):
        suggest(predictor, [str(tmp_path / 'clip.mp4')], tmp_path / 'out', 2, 0.0)


@pytest.mark.parametrize(
    ('options', 'status', 'said'),
    [
        (['--suggest', '2'], 1, '2 of 6 pictures to label'),
        (['--suggest', '0'], 2, '--suggest is 0: give a whole number'),
        (['--labelled', 'x.json'], 2, '--labelled is for --suggest'),
    ],
)
def test_the_tool_suggests(work_dir, pictures, tmp_path, options, status, said):
    command = [sys.executable, str(ROOT / 'tools/predict.py'), str(work_dir), str(pictures)]
    done = subprocess.run(
        [*command, '--out', str(tmp_path / 'out'), *options], text=True, capture_output=True
    )
    assert done.returncode == status and said in done.stdout + done.stderr
