"""The page of a comparison whose scores are known."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ocrnet_mmdet.canvas import jpeg_uri
from ocrnet_mmdet.compare.answer import cells, differences, gap_shares, in_words
from ocrnet_mmdet.compare.figures import all_figures
from ocrnet_mmdet.compare.page import write_page
from ocrnet_mmdet.compare.pictures import Panel, Shown
from ocrnet_mmdet.compare.plan import Arm, Outside, Plan
from ocrnet_mmdet.compare.records import COLUMNS

from ..browser import files_of, images_on_a_telephone, needs_browser

PLAN = Plan(
    Path('mine'),
    {'imagenet': Arm('imagenet'), 'stage': Arm('stage')},
    (40, 10),
    (0, 1, 2),
    (300,),
    (1e-3,),
)
APS = {
    ('imagenet', 40): (0.50, 0.52, 0.51),
    ('imagenet', 10): (0.30, 0.32, 0.31),
    ('stage', 40): (0.49, 0.55, 0.50),
    ('stage', 10): (0.40, 0.43, 0.41),
}


def row(arm, labels, seed, ap, **changes):
    return (
        dict.fromkeys(COLUMNS)
        | dict(
            kind='fine-tuning',
            name=f'{arm}_{labels}_{seed}',
            arm=arm,
            labels=labels,
            seed=seed,
            steps=300,
            lr=1e-3,
            bbox_mAP=ap,
            by_class=dict(a=ap, b=ap / 2),
            seconds=60.0,
            stage_seconds=600.0 if arm == 'stage' else 0.0,
            choice_seconds=100.0,
            total_seconds=660.0 if arm == 'stage' else 60.0,
            step_seconds=0.2,
            parameters=4_400_000,
            proposal_recall=0.5 + seed / 100,
            region_accuracy=0.9,
            latency_seconds=0.05 if arm == 'stage' else 0.04,
            peak_mb=900,
            flops=2_300_000_000,
            note='',
            device='cpu',
            threads=1,
            torch='2',
            mmdet='3',
            ocrnet_mmdet='0.2',
            commit='abc',
            error='',
        )
        | changes
    )


ROWS = [row(*cell, seed, ap) for cell, aps in APS.items() for seed, ap in enumerate(aps)]


class Words(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def said(found):
    parts = in_words(found, differences(found, 'imagenet', 'bbox_mAP'), 'imagenet', 'bbox_mAP')
    return [line for title, lines in parts for line in (title, *lines)]


def shown():
    uri = jpeg_uri(np.zeros((60, 80, 3), np.uint8))
    panels = [Panel(name, '3 found', uri) for name in ('labels', 'stage')]
    return Shown('Best of stage.', ['1 cat', '2 dog'], [('best: a.jpg', panels)])


def page_of(tmp_path, rows=ROWS, plan=PLAN, outside={}, shown=None):
    text = write_page(
        tmp_path / 'page.html', plan, rows, outside, ['40 training pictures'], shown
    ).read_text()
    return text, ' '.join(' '.join(Words(text).words).split())


def test_differences_are_paired_by_seed():
    found = {(d.arm, d.labels): d for d in differences(cells(PLAN, ROWS), 'imagenet', 'bbox_mAP')}
    for labels in (40, 10):
        test = stats.ttest_rel(
            *([100 * ap for ap in APS[arm, labels]] for arm in ('stage', 'imagenet'))
        )
        low, high = test.confidence_interval(0.95)
        item = found['stage', labels]
        assert (item.mean - item.half, item.mean + item.half) == pytest.approx(
            (low, high)
        ) and item.n == 3
    assert found['stage', 10].shown() and not found['stage', 40].shown()


def test_the_answer_says_what_is_shown_and_what_is_not():
    found = cells(PLAN, ROWS)
    words = said(found)
    assert any(
        w.startswith('stage is better than imagenet: +10.3 ±') and 'n = 3' in w for w in words
    )
    assert any(w.startswith('No difference between stage and imagenet is shown') for w in words)
    assert any('A null result is information' in w for w in words)
    assert any(w.startswith('Total time') and 'stage 11.0' in w for w in words)


def test_a_pair_shows_nothing():
    found = cells(PLAN, [r for r in ROWS if r['seed'] == 0])
    words = said(found)
    assert any('one pair, which shows nothing' in w for w in words) and not any(
        'better' in w for w in words
    )


def test_one_arm_has_no_null_result_and_no_rank(tmp_path):
    plan = replace(PLAN, arms={'imagenet': PLAN.arms['imagenet']})
    _, words = page_of(tmp_path, [r for r in ROWS if r['arm'] == 'imagenet'], plan)
    assert '40 labelled pictures: imagenet, box AP' in words
    for part in ('null result', 'highest mean', 'How to read this', 'Share of the gap'):
        assert part not in words, part


def test_the_gap_is_named_by_its_ends(tmp_path):
    _, words = page_of(tmp_path)
    assert 'Share of the gap: of what imagenet gains from these labels to 40.' in words


def test_the_share_of_the_gap():
    assert gap_shares(cells(PLAN, ROWS), 'imagenet', 'bbox_mAP') == [
        ('stage', 10, pytest.approx(31 / 60))
    ]


def test_the_page_needs_no_other_file(tmp_path):
    text, _ = page_of(tmp_path, shown=shown())
    assert files_of(text)
    counts = [tag for tag, _ in Words(text).tags].count
    assert (counts('svg'), counts('img'), counts('figure')) == (4, 2, 6)


@needs_browser
def test_the_page_fits_a_telephone_and_fetches_nothing(tmp_path):
    images = images_on_a_telephone(page_of(tmp_path, shown=shown())[0], tmp_path)
    assert len(images) == 2 and all(images)


def test_the_page_has_scores_times_and_differences(tmp_path):
    _, words = page_of(tmp_path)
    for part in (
        'stage 10 3 41.3 ± 1.5 51.0 ± 1.0 90.0 ± 0.0',
        'stage 10 300, 0.001 600 60 660 100 0.20 50 900 2.3 4.4',
        'stage 10 3 +10.3 ± 1.4 52%',
        'Failed runs None.',
        'ocrnet_mmdet 0.2 abc',
        'stage 10 41.3 20.7',
    ):
        assert part in words, part


def test_failed_runs_stand_in_the_page_escaped(tmp_path):
    failed = row('stage', 40, 2, 0.0, error='status 2: <b>no</b> memory', name='one')
    text, words = page_of(tmp_path, [r for r in ROWS if r['name'] != 'stage_40_2'] + [failed])
    assert 'one status 2: <b>no</b> memory' in words and '<b>no' not in text
    assert '11 of 12 fine-tunings are done' in words


def test_outside_results_stand_beside_ours(tmp_path):
    plan = Plan(**vars(PLAN) | dict(results=dict(yolo=Outside(Path('y.json'), 40, 120.0))))
    _, words = page_of(
        tmp_path, plan=plan, outside=dict(yolo=dict(bbox_mAP=0.456, by_class=dict(a=0.4)))
    )
    assert 'yolo 40 45.6' in words and 'yolo 40 120' in words
    assert 'yolo: COCO results that were given' in words


def test_an_outside_row_is_in_the_figures(tmp_path):
    plan = Plan(**vars(PLAN) | dict(results=dict(yolo=Outside(Path('y.json'), 40, 120.0))))
    found, outside = cells(plan, ROWS), dict(yolo=dict(bbox_mAP=0.456))
    drawn = all_figures(plan, found, [], outside)
    legends = [figure['svg'].count('<!-- yolo -->') for figure in drawn]
    assert legends == [1, 1, 1]
    assert not any('yolo' in figure['svg'] for figure in all_figures(plan, found, [], {}))


def test_latency_is_a_point_an_arm(tmp_path):
    figure = all_figures(PLAN, cells(PLAN, ROWS), [], {})[2]
    assert 'with 40 labelled pictures' in figure['caption']
    assert all(f'<!-- {name} -->' in figure['svg'] for name in ('imagenet', 'stage', '40', '50'))
    unmeasured = [dict(r, latency_seconds=None) for r in ROWS]
    assert len(all_figures(PLAN, cells(PLAN, unmeasured), [], {})) == 2


def test_pictures_say_what_they_are(tmp_path):
    text, words = page_of(tmp_path, shown=shown())
    images = [attrs for tag, attrs in Words(text).tags if tag == 'img']
    assert [image['alt'] for image in images] == [
        'best: a.jpg, labels: 3 found',
        'best: a.jpg, stage: 3 found',
    ]
    assert 'Best of stage.' in words and '1 cat, 2 dog' in words


def test_what_was_not_measured_is_named(tmp_path):
    rows = [dict(r, flops=None, note='FLOPs: no operator') for r in ROWS[:1]] + ROWS[1:]
    assert 'Not measured: imagenet_40_0: FLOPs: no operator' in page_of(tmp_path, rows)[1]


def test_a_page_without_a_finished_run(tmp_path):
    _, words = page_of(tmp_path, [row('stage', 40, 0, 0.0, error='killed')])
    assert '0 of 12' in words and 'no run came to its end' in words
