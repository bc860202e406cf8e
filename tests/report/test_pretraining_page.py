"""What the page of a pretraining says of its monitors."""

import pytest

from ocrnet_mmdet.pretraining.readiness import READY_BELOW, readiness
from ocrnet_mmdet.report.page import write_report, write_side_by_side
from ocrnet_mmdet.report.pretraining import MONITORS

from .folders import DISCOVER, write_data, write_pretraining
from .test_finetuning_page import page_of


@pytest.mark.parametrize('ratio', [0.66, READY_BELOW])
def test_a_box_branch_that_has_learnt_is_ready(ratio):
    verdict = readiness(1500, ratio)
    assert verdict.ready and verdict.words.startswith('ready: ')


@pytest.mark.parametrize(
    'steps, ratio, more', [(150, 0.99, 350), (400, 0.96, 1100), (1500, 1.0, 1500), (5, None, 495)]
)
def test_one_that_has_not_says_how_many_steps_more(steps, ratio, more):
    verdict = readiness(steps, ratio)
    assert not verdict.ready and verdict.words.startswith('not ready: ')
    assert f'{more} more steps before it (max_iters={steps + more})' in verdict.words


def test_nan_is_not_ready():
    assert not readiness(500, float('nan')).ready


def test_a_healthy_pretraining_is_said_to_be_ready(tmp_path):
    page = page_of(write_report(write_pretraining(tmp_path, 1500, 0.7)))
    assert 'Ready: the box branch has learnt' in page.text and 'not ready' not in page.text.lower()
    assert 'healthy is' not in page.text
    assert ['pictures seen', '12,000, each 120.0 times, in two views'] in page.rows
    drawn = [name for name, monitor in MONITORS.items() if monitor.words[1:] in page.text]
    assert drawn == ['box_level_ratio', 'mask_level_ratio', 'proposal_recall', 'regions']
    assert page.tags.count('svg') == 6


def test_an_unready_one_is_told_apart_by_its_box_branch_alone(tmp_path):
    page = page_of(write_report(write_pretraining(tmp_path, 150, 0.99)))
    assert 'Not ready: the box branch has learnt nothing yet' in page.text
    assert '350 more steps' in page.text and 'healthy is' not in page.text


def test_one_without_the_boxes_term_has_no_verdict(tmp_path):
    page = page_of(write_report(write_pretraining(tmp_path, 1500, 0.99, boxes=0.0)))
    assert 'No box branch was trained' in page.text and 'he box branch has' not in page.text


@pytest.mark.parametrize('discover', [DISCOVER, f'ocrnet_mmdet.pretraining.discover.{DISCOVER}'])
def test_its_pictures_are_drawn_with_their_regions(tmp_path, discover):
    data = write_data(tmp_path / 'data', val=1)
    pictures = [str(path) for path in sorted((data / 'unlabelled').iterdir())]
    shown = [*pictures, str(tmp_path / 'gone.jpg')]
    run = write_pretraining(tmp_path / 'run', 500, 0.8, shown, discover)
    page = page_of(write_report(run))
    assert page.tags.count('img') == len(pictures) == 6
    assert 'gone.jpg' not in page.text


def test_two_pretrainings_have_both_verdicts(tmp_path):
    runs = [
        write_pretraining(tmp_path / name, 300, ratio)
        for name, ratio in (('young', 0.99), ('old', 0.7))
    ]
    page = page_of(write_side_by_side(runs))
    words = page.text
    assert words.index('Not ready') < words.index('Ready: the box') and 'young' in words
