"""What the page of a training with labels says, against pycocotools and what is known."""

import contextlib
import io
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.report.detections import paired, read_detections
from ocrnet_mmdet.report.page import write_report, write_side_by_side
from ocrnet_mmdet.report.work_folder import read_training

from .folders import (
    CLASSES,
    facts_of,
    finetuning_config,
    finetuning_rows,
    write_data,
    write_finetuning,
    write_start,
)


class Page(HTMLParser):
    """Tables as rows of cells, the text, the tags."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.words, self.tags, self.open = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.open = True
            self.rows[-1].append('')

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ('td', 'th')

    def handle_data(self, data):
        self.words.append(data)
        if self.open:
            self.rows[-1][-1] += data

    @property
    def text(self):
        return ' '.join(' '.join(self.words).split())


def page_of(file):
    return Page(file.read_text())


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('reports')
    write_data(folder / 'data')
    for name, ap in (('first', 0.1), ('second', 0.4)):
        write_finetuning(folder / name, folder / 'data/annotations/val.json', ap=ap)
    return folder


def cocos_own(folder, kind):
    """AP, AP50, AP75 and AP by class, with pycocotools' own settings."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / 'data/annotations/val.json'))
        results = json.loads((folder / f'first/val_detections.{kind}.json').read_text())
        if kind == 'segm':
            results = [{k: v for k, v in r.items() if k != 'bbox'} for r in results]
        judge = COCOeval(truth, truth.loadRes(results), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = judge.eval['precision'][:, :, :, 0, -1]
    by_class = {
        truth.cats[c]['name']: precision[:, :, k].mean() for k, c in enumerate(judge.params.catIds)
    }
    return judge.stats, by_class, precision


@pytest.mark.parametrize('kind, name', [('bbox', 'box'), ('segm', 'mask')])
def test_the_scores_are_those_of_pycocotools(folder, kind, name):
    page = page_of(write_report(folder / 'first'))
    stats, by_class, _ = cocos_own(folder, kind)
    row = next(row for row in page.rows if row[0] == name)
    assert row[1:4] == [f'{100 * round(value, 4):.1f}' for value in stats[:3]]
    header = next(row for row in page.rows if row[0] == 'class')
    column = header.index(f'{name} AP')
    shown = {row[0]: row[column] for row in page.rows if row[0] in CLASSES and len(row) > 7}
    own = {name: float(shown[name]) for name in by_class}
    assert own == pytest.approx({name: 100 * ap for name, ap in by_class.items()}, abs=0.051)
    assert len(shown) == len(CLASSES)
    assert 5 < 100 * stats[0] < 95


def test_the_precision_recall_curves_are_those_of_pycocotools(folder):
    data = read_detections(read_training(folder / 'first'))
    _, _, precision = cocos_own(folder, 'bbox')
    for k, category in enumerate(sorted(data.names)):
        assert np.allclose(data.by_class['bbox'][category].precision, precision[0, :, k])


def test_the_confusion_matrix_counts_every_object_once(folder):
    data = read_detections(read_training(folder / 'first'))
    matrix = data.confusion()
    found = sum(r['score'] >= 0.3 for r in data.results['segm'])
    assert matrix[:-1].sum(1).tolist() == [data.objects[c] for c in data.names]
    assert matrix[:, :-1].sum() == found and matrix[-1, -1] == 0
    assert 0 < np.trace(matrix) < matrix.sum()
    page = page_of(write_report(folder / 'first'))
    rows = {row[0]: row[1:] for row in page.rows if len(row) == len(CLASSES) + 2}
    for name, counts in zip(data.names.values(), matrix):
        assert rows[name] == list(map(str, counts))


def box(x, category, **more):
    return dict(bbox=[x, 0.0, 10.0, 10.0], category_id=category, **more)


def test_a_detection_finds_its_own_class_before_another():
    truth = [box(0, 1), box(2, 2), box(50, 1)]
    found = [box(1, 2, score=0.9), box(0, 2, score=0.8), box(80, 1, score=0.7)]
    pairs = paired(0, truth, found)
    assert sorted(pairs.pairs) == [(0, 1), (1, 0)]
    assert pairs.is_right((1, 0)) and not pairs.is_right((0, 1))
    assert pairs.quality == pytest.approx(90 / 110 / 3)


def test_what_lies_in_a_crowd_is_neither_right_nor_wrong():
    crowd = dict(bbox=[0.0, 0.0, 100.0, 100.0], category_id=1, iscrowd=1)
    pairs = paired(0, [crowd, box(0, 1)], [box(0, 1, score=0.9), box(40, 1, score=0.8)])
    assert len(pairs.truth) == len(pairs.found) == 1 and pairs.quality == 1.0


def test_two_folders_stand_beside_each_other(folder):
    file = write_side_by_side([folder / 'first', folder / 'second'])
    assert file == folder / 'second/report_beside_first.html'
    page = page_of(file)
    values = {row[0]: row[1:] for row in page.rows if row and row[0].startswith('box, ')}
    first, second, gain = (
        np.array(values[f'box, {name}'][:3], float) for name in ('first', 'second', 'difference')
    )
    assert np.abs(second - first - gain).max() < 0.11 and gain[0] > 5
    assert any('Val pictures that changed most' in word for word in page.words)
    assert page.tags.count('img') % 3 == 0 < page.tags.count('img')


def test_folders_of_two_kinds_are_refused(folder, tmp_path):
    text = 'train_cfg = dict(max_iters=2)\nmodel = dict(detector=dict(type="MaskRCNN"))\n'
    write_start(tmp_path / 'pre', 'a', text, [])
    with pytest.raises(InputError, match='pre holds a training without labels.*two of a kind'):
        write_side_by_side([folder / 'first', tmp_path / 'pre'])


def test_a_folder_without_a_training_is_refused(tmp_path):
    with pytest.raises(InputError, match='holds no training: name the work folder'):
        write_report(tmp_path)


def test_a_training_that_was_killed_has_what_there_is(folder, tmp_path):
    config = finetuning_config(folder / 'data/annotations/val.json')
    rows = [row for row in finetuning_rows() if row['step'] <= 40]
    write_start(tmp_path, '20250101_000000', config, rows, facts_of(finished=False))
    with open(tmp_path / '20250101_000000/vis_data/scalars.json', 'a') as file:
        file.write('{"lr": 0.001, "lo')
    page = page_of(write_report(tmp_path))
    assert 'not at its end: the log ends at step 40 of 100' in page.text
    assert 'No validation was scored' in page.text and page.tags.count('svg') == 3


def test_a_training_killed_before_its_first_line_has_settings(folder, tmp_path):
    write_start(tmp_path, 'a', finetuning_config('gone/annotations/val.json'), [])
    page = page_of(write_report(tmp_path))
    assert 'before its first line in the log' in page.text and 'svg' not in page.tags
    assert ['rate', '0.002, AdamW'] in page.rows and ['seed', '7'] in page.rows


def test_a_resumed_training_is_one(folder, tmp_path):
    config = finetuning_config(folder / 'data/annotations/val.json')
    rows = finetuning_rows()
    write_start(tmp_path, 'a', config, [r | dict(loss=9.0) for r in rows[:6]], facts_of())
    again = facts_of(first_step=30, resumed=True)
    write_start(tmp_path, 'b', config, [r for r in rows if r['step'] > 30], again)
    training = read_training(tmp_path)
    losses = dict(training.curve('loss'))
    assert sorted(losses) == list(range(10, 101, 10)) and training.seconds == 180.0
    assert [step for step, loss in losses.items() if loss == 9.0] == [10, 20, 30]


def test_validations_by_epoch_are_those_of_the_resumed_training(folder, tmp_path):
    config = finetuning_config(folder / 'data/annotations/val.json')
    config = config.replace('type="IterBasedTrainLoop", max_iters=100', 'by_epoch=True')

    def rows(first, last, ap):
        for epoch in range(first, last + 1):
            yield dict(lr=0.1, loss=ap, epoch=epoch, iter=10 * epoch, step=10 * epoch)
            yield {'coco/bbox_mAP': ap, 'step': epoch}

    write_start(tmp_path, 'a', config, [*rows(1, 4, 0.1)], facts_of(first_epoch=0))
    again = facts_of(first_step=20, first_epoch=2, resumed=True)
    write_start(tmp_path, 'b', config, [*rows(3, 3, 0.3)], again)
    training = read_training(tmp_path)
    assert training.curve('coco/bbox_mAP') == [(1, 0.1), (2, 0.1), (3, 0.3)]
    assert training.curve('loss') == [(10, 0.1), (20, 0.1), (30, 0.3)]


def test_a_new_training_in_the_same_folder_is_not_mixed(folder, tmp_path):
    config = finetuning_config(folder / 'data/annotations/val.json')
    write_start(tmp_path, 'a', config, finetuning_rows(200), facts_of())
    write_start(tmp_path, 'b', config, finetuning_rows(60), facts_of())
    training = read_training(tmp_path)
    assert training.steps == 60 and training.seconds == 90.0


def test_more_than_twenty_classes_are_listed_by_confusion(tmp_path):
    data = write_data(tmp_path / 'data', val=3)
    file = data / 'annotations/val.json'
    labels = json.loads(file.read_text())
    labels['categories'] = [dict(id=i, name=f'class {i}') for i in range(1, 31)]
    for i, ann in enumerate(labels['annotations']):
        ann['category_id'] = i % 30 + 1
    file.write_text(json.dumps(labels))
    names = tuple(f'class {i}' for i in range(1, 31))
    page = page_of(write_report(write_finetuning(tmp_path / 'run', file, classes=names, ap=-0.3)))
    start = next(i for i, row in enumerate(page.rows) if row[:2] == ['it is', 'found as'])
    times = [int(row[2]) for row in page.rows[start + 1 :] if len(row) == 4 and row[2].isdigit()]
    assert times and times == sorted(times, reverse=True)
    assert all(row[0] != row[1] for row in page.rows[start + 1 : start + 1 + len(times)])


def test_names_of_classes_are_escaped(folder, tmp_path):
    page = write_report(write_finetuning(tmp_path / '<b>run', folder / 'data/annotations/val.json'))
    assert '<b>run' not in page.read_text() and '<b>run' in page_of(page).text
    assert re.search(r'&lt;b&gt;run', page.read_text())


def test_two_folders_of_one_name_are_told_apart(folder, tmp_path):
    for name in ('mine', 'other'):
        shutil.copytree(folder / 'first', tmp_path / name / 'finetune')
    file = write_side_by_side([tmp_path / name / 'finetune' for name in ('mine', 'other')])
    assert file == tmp_path / 'other/finetune/report_beside_finetune.html'
    page = page_of(file)
    assert 'mine/finetune and other/finetune' in page.text
    assert {'box, mine/finetune', 'box, other/finetune'} <= {row[0] for row in page.rows if row}


def test_scores_of_other_pictures_have_no_difference(folder, tmp_path):
    write_data(tmp_path / 'data')
    labels = tmp_path / 'data/annotations/val.json'
    data = json.loads(labels.read_text())
    names = [image['file_name'] for image in data['images']]
    for image, name in zip(data['images'], [*names[1:], names[0]]):
        image['file_name'] = name
    labels.write_text(json.dumps(data))
    write_finetuning(tmp_path / 'other', labels, ap=0.4)
    page = page_of(write_side_by_side([folder / 'first', tmp_path / 'other']))
    assert 'not scored on the same labels' in page.text
    assert not any('difference' in row[0] for row in page.rows if row)
    assert 'changed most' not in page.text
