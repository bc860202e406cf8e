import pytest

from experiments.figures import ap_by_time, pretraining_curves, total_times
from experiments.records import CURVES, Run, append, append_curve, read, row_of


def add(path, study, arm, steps, seed, seconds, ap):
    run = Run(study, 'fine-tuning', 'aerial_cars', arm, 10, steps, 1e-3, seed)
    append(path, row_of(run, seconds=seconds, bbox_mAP=ap))


@pytest.fixture
def records(tmp_path):
    path = tmp_path / 'records.csv'
    for arm, steps, seconds, ap in (
        ('random', 300, 60, 0.1),
        ('random', 1000, 180, 0.2),
        ('pretrained', 1000, 180, 0.4),
    ):
        for seed in (0, 1):
            add(path, 'main_table', arm, steps, seed, seconds + 60 * seed, ap + 0.02 * seed)
    append(path, row_of(Run('main_table', 'pretraining', 'aerial_cars', 'pretrained'), seconds=600))
    return path


RANDOM, PRETRAINED = [('aerial_cars', 10, arm) for arm in ('random', 'pretrained')]


def test_the_pretrainings_time_counts_for_the_pretrained(records):
    curves = total_times(read(records))
    assert sorted(curves[RANDOM]) == [pytest.approx((1.5, 11)), pytest.approx((3.5, 21))]
    assert curves[PRETRAINED] == [pytest.approx((13.5, 41))]


def test_a_run_at_equal_time_counts_the_time_that_it_was_given(records):
    for seed in (0, 1):
        assert len(total_times(read(records))[RANDOM]) == 2  # not of a part of the seeds
        add(records, 'equal_time', 'random', 4000 + seed, seed, 9999, 0.3)
    assert total_times(read(records))[RANDOM][-1] == pytest.approx((13.5, 30))


def test_curves_are_drawn_as_they_were_logged(tmp_path):
    lines = [
        dict(step=50, box_level_ratio=0.99, mask_level_ratio=0.95, proposal_recall=0.4, loss=1),
        dict(step=100, box_level_ratio=0.90, proposal_recall=0.5),
    ]
    append_curve(tmp_path / CURVES, Run('main_table', 'pretraining', 'bccd', 'pretrained'), lines)
    append_curve(tmp_path / CURVES, Run('other', 'pretraining', 'bccd', 'pretrained'), lines)
    axes = pretraining_curves(tmp_path / CURVES, 'main_table').axes
    drawn = [[line.get_xydata().tolist() for line in axis.lines] for axis in axes]
    assert drawn == [[[[50, 0.99], [100, 0.90]]], [[[50, 0.95]]], [[[50, 0.4], [100, 0.5]]]]


def test_mean_scores_are_drawn_by_minutes(records):
    (axis,) = ap_by_time(read(records)).axes
    assert axis.get_title() == 'aerial_cars, 10 % of the labels'
    assert axis.lines[1].get_xydata().tolist() == [pytest.approx([13.5, 41])]
