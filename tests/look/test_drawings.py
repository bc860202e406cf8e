"""Each drawing shows what it says, on small pictures; the tool writes each from the shell."""

import copy
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.structures import InstanceData

from ocrnet_mmdet.canvas import GREEN, PALETTE
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.look.attention_sheet import figure_of, look_at
from ocrnet_mmdet.look.batch import (
    draw_batch,
    draw_sample,
    first_batch,
    read_config,
    shown_pictures,
)
from ocrnet_mmdet.look.candidates import colour_of as colour_of_score
from ocrnet_mmdet.look.candidates import draw_candidates, draw_scored
from ocrnet_mmdet.look.error_sheet import COLOURS, draw_errors, draw_page, judged_page
from ocrnet_mmdet.look.labelled import Labelled, labelled_pictures
from ocrnet_mmdet.look.mistakes import BADLY_PLACED, FALSE_ALARM, FOUND, MISSED, WRONG_CLASS
from ocrnet_mmdet.look.neighbours import SIDE, crop_around, draw_neighbours
from ocrnet_mmdet.look.pictures import pictures_of
from ocrnet_mmdet.look.regions import SIZES, colour_of, outlined
from ocrnet_mmdet.look.sheet import SIDE as SHEET_SIDE
from ocrnet_mmdet.pretraining.regions import discover_regions

from ..detectors import ROOT
from ..pretraining.runs import make_config as pretraining_config
from ..pretraining.runs import write_pictures


def shows(image, colour, x, y):
    """Whether a colour is at a place or one pixel beside it."""
    return bool((image[y - 1 : y + 2, x - 1 : x + 2] == colour).all(-1).any())


def pixels_of(image, colour):
    return int((image == colour).all(-1).sum())


def test_a_discovered_disc_is_outlined_in_the_colour_of_its_size():
    image = np.full((104, 104, 3), 60, np.uint8)
    cv2.circle(image, (52, 52), 26, (200, 220, 40), -1)
    drawn = outlined(image, discover_regions(image), 1)
    share = 52 / 104
    assert colour_of(share) == SIZES[0][2] and colour_of(0.15) == SIZES[2][2]
    for x, y in ((52 - 26, 52), (52 + 26, 52), (52, 52 - 26), (52, 52 + 26)):
        area = drawn[5 * y - 12 : 5 * y + 12, 5 * x - 12 : 5 * x + 12]
        assert pixels_of(area, colour_of(share)) > 10
    assert pixels_of(drawn[200:320, 200:320], colour_of(share)) == 0


def test_candidates_are_drawn_in_the_colour_of_their_score():
    found = InstanceData(
        bboxes=torch.tensor([[10.0, 10, 60, 60], [70, 10, 100, 40]]),
        scores=torch.tensor([0.9, 0.3]),
    )
    drawn = draw_scored(np.full((105, 105, 3), 90, np.uint8), found)
    assert shows(drawn, colour_of_score(0.9), 40, 140) and shows(
        drawn, colour_of_score(0.3), 280, 100
    )
    assert colour_of_score(0.9) != colour_of_score(0.3)


def test_mistakes_are_drawn_in_their_colours():
    objects = [(5, 5, 25, 25), (40, 5, 60, 25), (75, 5, 95, 25), (5, 60, 25, 80)]
    truth = Labelled('', np.array(objects, np.float32), np.zeros(4, int), np.zeros(4, bool))
    found = InstanceData(
        bboxes=np.array([(5, 5, 25, 25), (40, 5, 60, 25), (85, 5, 105, 25), (60, 60, 90, 90)]),
        labels=np.array([0, 1, 0, 0]),
        scores=np.array([0.9, 0.8, 0.7, 0.6]),
    )
    page = judged_page(truth, found)
    assert page.judged.kinds == [FOUND, WRONG_CLASS, BADLY_PLACED, FALSE_ALARM]
    drawn = draw_page(np.full((130, 130, 3), 90, np.uint8), page, ('a', 'b'))
    for kind, (x, y) in {
        FOUND: (5, 15), WRONG_CLASS: (40, 15), BADLY_PLACED: (105, 15), FALSE_ALARM: (60, 75)
    }.items():  # fmt: skip
        assert shows(drawn, COLOURS[kind], 4 * x, 4 * y), kind
    assert page.mistakes == 4 and pixels_of(drawn[4 * 58 :, : 4 * 30], COLOURS[MISSED]) > 100


def test_a_crop_shows_its_box_in_the_middle():
    image = np.full((100, 100, 3), 90, np.uint8)
    image[40:60, 20:40] = (10, 200, 250)
    crop = crop_around(image, np.array([20.0, 40, 40, 60]), GREEN)
    first = round(SIDE / 2 - SIDE / 3)  # the box and a quarter of it on each side
    assert crop.shape == (SIDE, SIDE, 3)
    assert tuple(crop[SIDE // 2, SIDE // 2]) == (10, 200, 250)
    assert shows(crop, GREEN, first, SIDE // 2) and tuple(crop[5, 5]) == (90, 90, 90)


def test_the_figure_has_the_weights_that_were_read(model, seen):
    looked = look_at(model, seen, 0)
    figure = figure_of(model, seen, 0, looked)
    axes = figure.axes
    bars = [bar.get_height() for bar in axes[4].patches]
    assert bars == pytest.approx(looked.levels.tolist())
    texts = {text.get_text() for text in axes[5].texts}
    assert {f'{share:.0%}' for share in looked.within[0, 1:].tolist()} == texts
    assert f'itself {looked.between[0, 1 + looked.region]:.0%}' in axes[1].get_title()


def test_a_batch_is_drawn_as_the_network_gets_it(trained):
    cfg = read_config(trained.config)
    inputs, samples, views = first_batch(cfg)
    again, _, _ = first_batch(cfg)
    assert views == 1 and all((a == b).all() for a, b in zip(inputs, again))
    colours = cfg.model.data_preprocessor
    data = MODELS.build(colours)(dict(inputs=inputs, data_samples=samples), True)
    height, width = inputs[0].shape[1:]
    pictures = shown_pictures(data['inputs'], colours)
    original = inputs[0].numpy().transpose(1, 2, 0)
    assert abs(pictures[0][:height, :width].astype(int) - original).max() <= 1
    drawn = draw_sample(pictures[0], data['data_samples'][0], ('star',) * 5)
    truth = data['data_samples'][0].gt_instances
    factor = SHEET_SIDE / max(pictures[0].shape)
    above = drawn.shape[0] - round(pictures[0].shape[0] * factor)  # the caption
    for box, label in zip(truth.bboxes[-1:].tolist(), truth.labels[-1:].tolist()):  # the last drawn
        x, y = int(box[2] * factor), int((box[1] + box[3]) / 2 * factor)
        assert shows(drawn, PALETTE[label], min(x, drawn.shape[1] - 2), above + y)


def test_two_views_of_a_picture_are_drawn_side_by_side(tmp_path):
    cfg = pretraining_config(write_pictures(tmp_path / 'pictures'), tmp_path / 'work', 2)
    cfg.dump(tmp_path / 'pretrain.py')
    image, (values,) = draw_batch(tmp_path / 'pretrain.py', 4)
    assert values.startswith('Values of the channels: mean ')
    assert image.shape[1] > 4 * 520 and pixels_of(image, GREEN) > 500
    with pytest.raises(InputError, match='no train_dataloader'):
        (tmp_path / 'none.py').write_text('x = 1\n')
        draw_batch(tmp_path / 'none.py', 4)


def test_the_truth_is_that_of_the_file(trained, model):
    data = json.loads(Path(trained.labels).read_text())
    found = labelled_pictures(model.cfg, model.dataset_meta['classes'], None, None)
    read = sorted(box for picture in found for box in picture.boxes.tolist())
    boxes = sorted([x, y, x + w, y + h] for x, y, w, h in (a['bbox'] for a in data['annotations']))
    assert len(read) > 4 and read == boxes


def test_pictures_of_a_folder_are_spread_over_it(tmp_path):
    for i in range(9):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.zeros((4, 4, 3), np.uint8))
    assert [Path(p).stem for p in pictures_of([str(tmp_path)], 3)] == ['0', '4', '8']
    with pytest.raises(InputError, match='does not exist'):
        pictures_of([str(tmp_path / 'x.png')], 3)


def test_sheets_of_a_trained_detector_say_what_they_show(trained):
    picture, folder = str(trained.pictures[0]), str(trained.data / 'val')
    image, lines = draw_candidates(trained.checkpoint, [folder], 0.0, 2)
    assert len(lines) == 2 and image.shape[1] > 4 * 420
    image, lines = draw_neighbours(trained.checkpoint, picture, folder, 0, 2)
    assert lines[0].startswith('detection 0: ') and pixels_of(image, GREEN) > 8 * 100
    _, (line, *classes) = draw_errors(trained.checkpoint, None, None, 0.0, 2)
    objects = len(json.loads(Path(trained.labels).read_text())['annotations'])
    assert line.startswith(f'2 pictures, {objects} objects: ') and len(classes) == 5
    _, named = draw_errors(trained.checkpoint, trained.labels, str(trained.data), 0.0, 2)
    assert named[0] == line


def look(*args, cwd):
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools/look.py'), *map(str, args)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


DOCUMENTED = re.findall(
    r'^    python (tools/look.py (\w+) .+)$', (ROOT / 'docs/look.md').read_text(), re.MULTILINE
)


def test_every_command_is_documented():
    names = [name for _, name in DOCUMENTED]
    assert names == ['regions', 'batch', 'candidates', 'attention', 'neighbours', 'errors']


@pytest.fixture
def reader(trained, tmp_path):
    """A folder with what the documentation's commands name."""
    (tmp_path / 'mine').mkdir()
    places = {'mine/finetune': trained.folder, 'mine/finetune.py': trained.config}
    places |= {'PICTURES': trained.data, 'picture.jpg': trained.pictures[0]}
    places['labels.json'] = trained.labels
    for name, place in places.items():
        (tmp_path / name).symlink_to(place)
    cfg = pretraining_config(trained.data, tmp_path / 'work', 2)
    cfg.dump(tmp_path / 'mine/pretrain.py')
    return tmp_path


@pytest.mark.parametrize(('command', 'name'), DOCUMENTED)
def test_a_documented_command_writes_its_sheet(command, name, reader, monkeypatch, capsys):
    monkeypatch.chdir(reader)
    monkeypatch.setattr(sys, 'argv', shlex.split(command))
    runpy.run_path(str(ROOT / 'tools/look.py'), run_name='__main__')
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f'{name}: {name}.png' and len(lines) > 1
    sheet = cv2.imread(f'{name}.png')
    assert sheet.shape[1] >= 520 and len(np.unique(sheet.reshape(-1, 3), axis=0)) > 100
    assert (sheet[0] == 255).all()  # the margin above the title


@pytest.mark.parametrize(
    ('args', 'said'),
    [
        (('regions', 'nowhere.png'), 'error: nowhere.png does not exist: name pictures'),
        (('batch', 'none.py'), 'error: config none.py does not exist'),
        (('regions', '.', '--out', 'x.jpg'), 'error: --out is x.jpg: name a file that ends'),
        (('errors', 'x.pth'), 'error: checkpoint x.pth does not exist'),
    ],
)
def test_the_tool_says_what_is_wrong_in_one_line(args, said, tmp_path):
    done = look(*args, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_labels_that_are_named_need_no_val_data(model):
    cfg = copy.deepcopy(model.cfg)
    data = cfg.val_dataloader.dataset
    labels, pictures = f'{data.data_root}/{data.ann_file}', data.data_root
    expected = labelled_pictures(cfg, model.dataset_meta['classes'], None, None)
    cfg.val_dataloader = None
    found = labelled_pictures(cfg, model.dataset_meta['classes'], labels, pictures)
    assert [len(one.boxes) for one in found] == [len(one.boxes) for one in expected]
    with pytest.raises(InputError, match='has 0 val data sets, where one is needed'):
        labelled_pictures(cfg, model.dataset_meta['classes'], labels, None)
