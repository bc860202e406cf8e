from dataclasses import replace
from pathlib import Path

import pytest

from ocrnet_mmdet.compare.plan import Folder, default_plan, seconds_of
from ocrnet_mmdet.compare.plan_file import data_of, read_plan
from ocrnet_mmdet.errors import InputError

FOLDER = Folder(Path('mine'), 40, 1e-3, 1000, imagenet=True, with_stage=True)


def plan_of(tmp_path, text, folder=FOLDER):
    (tmp_path / 'mine').mkdir(exist_ok=True)
    (tmp_path / 'mine/finetune.py').touch()
    file = tmp_path / 'plan.yaml'
    file.write_text('data: mine\n' + text)
    return read_plan(file, folder)


def test_the_default_asks_for_four_starts():
    plan = default_plan(FOLDER)
    assert list(plan.arms) == ['imagenet', 'random', 'stage', 'stage_imagenet']
    assert plan.labels == (40, 10) and plan.seeds == (0, 1, 2)
    assert plan.steps == (300, 1000) and plan.rates == (3e-4, 1e-3, 3e-3)


def test_a_narrow_folder_has_no_imagenet_arms():
    plan = default_plan(Folder(Path('narrow'), 40, 1e-3, 1000, imagenet=False, with_stage=True))
    assert list(plan.arms) == ['random', 'stage']


def test_what_a_plan_says_is_taken(tmp_path):
    (tmp_path / 'other.py').touch()
    (tmp_path / 'yolo.json').write_text('[]')
    plan = plan_of(
        tmp_path,
        """
arms:
  ours: imagenet
  other: {start: random, config: other.py}
  retina: {start: imagenet, config: 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'}
labels: [25%, all, 7]
steps: 300
rates: [1e-3]
results: {yolo: {file: yolo.json, labels: 40, seconds: 60}}
""",
    )
    assert plan.arms['other'].config == str(tmp_path / 'other.py') and plan.arms['retina'].imagenet
    assert plan.labels == (10, 40, 7) and plan.steps == (300,) and plan.rates == (1e-3,)
    assert plan.results['yolo'].seconds == 60 and plan.seeds == (0, 1, 2)
    assert data_of(tmp_path / 'plan.yaml') == (tmp_path / 'mine').resolve()


@pytest.mark.parametrize('pictures', [30, 43])
def test_a_quarter_is_one_number_with_and_without_a_plan(tmp_path, pictures):
    folder = replace(FOLDER, pictures=pictures)
    assert plan_of(tmp_path, 'labels: [all, 25%]', folder).labels == default_plan(folder).labels


@pytest.mark.parametrize(
    'line, words',
    [
        (
            'arms: {a: pretrained}',
            ('line 2', 'pretrained', 'random, imagenet, stage, stage_imagenet'),
        ),
        ('arms: {a: {config: x.py}}', ('line 2', 'add start')),
        ('arms: {a: {start: random, config: x.py}}', ('line 2', 'x.py', 'mmdet::')),
        ('arms: {a b: random}', ('line 2', 'a b', 'letters')),
        ('arms: []', ('line 2', 'name: value')),
        ('\nlabels: [all, 41]', ('line 3', '41', 'from 1 to 40')),
        ('labels: [10, 25%]', ('line 2', 'twice')),
        ('labels: []', ('line 2', 'one value')),
        ('seeds: [-1]', ('line 2', '-1', 'from 0')),
        ('steps: [0]', ('line 2', 'from 1')),
        ('rates: [fast]', ('line 2', 'fast', 'above 0')),
        ('rates: [nan]', ('line 2', 'nan', 'above 0')),
        ('pretrainings: 0', ('line 2', 'from 1')),
        ('results: {yolo: none.json}', ('line 2', 'none.json', 'COCO results')),
        ('budgets: 2h', ('line 2', 'budgets', 'data, arms, labels')),
        ('steps: 3\nsteps: 4', ('line 3', 'twice')),
        ('steps: [3', ('line 2', 'YAML')),
    ],
)
def test_a_bad_plan_is_refused_with_line_and_fix(tmp_path, line, words):
    with pytest.raises(InputError) as error:
        plan_of(tmp_path, line)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_starts_that_the_folder_lacks_are_refused(tmp_path):
    narrow = Folder(Path('mine'), 40, 1e-3, 1000, imagenet=False, with_stage=False)
    for start in ('imagenet', 'stage'):
        with pytest.raises(InputError, match='line 2: a is'):
            plan_of(tmp_path, f'arms: {{a: {start}}}', narrow)


def test_a_plan_of_another_folder_is_refused(tmp_path):
    (tmp_path / 'plan.yaml').write_text('seeds: [0]\n\ndata: nowhere\n')
    with pytest.raises(InputError, match='line 3: data is nowhere'):
        data_of(tmp_path / 'plan.yaml')


def test_the_budget_drops_seeds_before_labels():
    plan, dropped = default_plan(FOLDER), []
    while plan:
        dropped.append((len(plan.seeds), len(plan.labels)))
        plan = plan.smaller()
    assert dropped == [(3, 2), (2, 2), (1, 2), (1, 1)]


def test_times_of_the_command_line():
    assert [seconds_of(text) for text in ('90s', '20min', '1.5 h')] == [90, 1200, 5400]
    for text in ('2', 'h', '0s', '-1h'):
        with pytest.raises(ValueError, match='90s'):
            seconds_of(text)
