from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ocrnet_mmdet.compare.plan import Arm, Plan
from ocrnet_mmdet.compare.runs import State
from ocrnet_mmdet.compare.times import Times, missing, run_table, shown_time, within_budget
from ocrnet_mmdet.errors import InputError

PLAN = Plan(
    Path('mine'),
    {'imagenet': Arm('imagenet'), 'stage': Arm('stage')},
    (40, 10),
    (0, 1, 2),
    (300, 1000),
    (1e-3, 3e-3),
)
HASHES = dict(imagenet='a', stage='b')


def row(run, ap=0.5, error='', **results):
    return dict(
        asdict(run),
        name=run.name,
        error=error,
        bbox_mAP=ap,
        step_seconds=0.1,
        seconds=10 + 0.1 * run.steps,
        **results,
    )


def finish(plan, score=lambda run: 0.5, fails=lambda run: False):
    """Every run in the order in which they can begin, and the state after them."""
    rows = []
    while pending := list(State(plan, HASHES, 1500, rows).pending()):
        assert len(rows) < 200
        rows.append(row(pending[0], score(pending[0]), 'killed' if fails(pending[0]) else ''))
    return rows, State(plan, HASHES, 1500, rows)


def test_each_arm_is_trained_as_it_chose():
    best = {'imagenet': (1000, 1e-3), 'stage': (300, 3e-3)}
    rows, state = finish(
        PLAN,
        lambda run: (
            0.9
            if (run.steps, run.lr) == best[run.arm]
            else 0.5 + (run.lr == best[run.arm][1]) / 10
            if run.lr
            else None
        ),
    )
    tuned = [r for r in rows if r['kind'] == 'fine-tuning']
    assert len(tuned) == 2 * 2 * 3 and all((r['steps'], r['lr']) == best[r['arm']] for r in tuned)
    assert not list(state.blocked())


def test_the_number_of_runs_is_known_before():
    rows, state = finish(PLAN)
    assert len(rows) == len(State(PLAN, HASHES, 1500, []).all_runs()) == 2 * 2 * 3 + 2 * 2 * 3 + 2
    assert not missing(state)


def test_a_whole_seed_comes_before_the_next():
    tuned = [r['seed'] for r in finish(PLAN)[0] if r['kind'] == 'fine-tuning']
    assert tuned == sorted(tuned)


def test_fine_tunings_take_two_pretrainings_in_turn():
    tuned = [r for r in finish(PLAN)[0] if r['kind'] == 'fine-tuning' and r['arm'] == 'stage']
    assert {(r['seed'], r['after']) for r in tuned} == {
        (0, 'pretraining_stage_seed0'),
        (1, 'pretraining_stage_seed1'),
        (2, 'pretraining_stage_seed0'),
    }


def test_a_failed_rate_is_not_chosen():
    rows, state = finish(
        PLAN, lambda run: run.lr, lambda run: run.kind == 'tuning' and run.lr == 3e-3
    )
    assert {r['lr'] for r in rows if r['kind'] == 'fine-tuning'} == {1e-3}


def test_what_a_failed_run_keeps_from_running_is_named():
    rows, state = finish(PLAN, fails=lambda run: run.kind == 'pretraining')
    blocked = list(state.blocked())
    assert len(blocked) == 6 and {name for name, *_ in blocked} == {'stage'}
    assert 'pretraining_stage_seed0 failed' in blocked[0][3]
    assert len([r for r in rows if r['kind'] == 'fine-tuning']) == 6


def test_rows_of_other_configs_do_not_count():
    rows, _ = finish(PLAN)
    changed = State(PLAN, dict(imagenet='a', stage='c'), 1500, rows)
    assert {run.arm for run in missing(changed)} == {'stage'}


def test_one_rate_and_length_need_no_choice():
    plan = replace(PLAN, steps=(300,), rates=(1e-3,))
    assert {r['kind'] for r in finish(plan)[0]} == {'pretraining', 'fine-tuning'}


def test_the_expected_time_is_that_of_the_runs():
    state = State(PLAN, HASHES, 1500, [])
    times = Times([row(run) for run in state.probes()])
    rows, _ = finish(PLAN)
    expected, taken = times.total(missing(state), 1), sum(r['seconds'] for r in rows)
    assert taken <= expected <= 2 * taken  # lengths that are not chosen yet count as the greatest
    assert Times([]).total(missing(state), 1) is None
    assert times.total(missing(state), 2) == pytest.approx(expected / 2)


def test_a_budget_keeps_what_fits():
    state = State(PLAN, HASHES, 1500, [])
    times = Times([row(run) for run in state.probes()])
    whole = times.total(missing(state), 1)
    assert within_budget(state, times, whole, 1) == PLAN
    assert within_budget(state, times, whole - 1, 1).seeds == (0, 1)
    least = within_budget(state, times, whole / 3, 1)
    assert (least.seeds, least.labels) == ((0,), (40,))
    with pytest.raises(InputError, match='--budget 60 s: .* about .* min: raise it'):
        within_budget(state, times, 60, 1)


@pytest.mark.parametrize('plan', [PLAN, replace(PLAN, steps=(300,), rates=(1e-3,))])
def test_a_pretraining_that_nothing_waits_for_is_not_repeated(plan):
    rows, _ = finish(plan)
    weights_gone = [r for r in rows if r['kind'] != 'pretraining']
    kept = [r for r in weights_gone if r['seed'] == 0]
    rest = replace(plan, seeds=(0,))  # what a budget leaves
    for smaller, known in ((plan, weights_gone), (rest, kept)):
        state = State(smaller, HASHES, 1500, known)
        assert not list(state.pending()) and not missing(state) and not list(state.blocked())
        table = run_table(state, Times(rows)).splitlines()
        assert all(line.endswith(('done', 'not needed')) for line in table[1:])


def test_a_pretraining_is_repeated_for_what_is_left():
    rows, _ = finish(PLAN)
    left = [r for r in rows if r['kind'] != 'pretraining' and r['name'] != rows[-1]['name']]
    state = State(PLAN, HASHES, 1500, left)
    assert rows[-1]['after'] == 'pretraining_stage_seed0'
    assert [run.name for run in state.pending()] == ['pretraining_stage_seed0']
    assert {run.name for run in missing(state)} == {'pretraining_stage_seed0', rows[-1]['name']}


def test_times_in_words():
    assert [shown_time(s) for s in (5, 89.6, 300, 7500)] == ['5 s', '90 s', '5 min', '2 h 05 min']


def test_an_unmeasured_detector_counts_as_the_others():
    plan = replace(PLAN, arms={'imagenet': Arm('imagenet'), 'other': Arm('random', 'other.py')})
    state = State(plan, dict(imagenet='a', other='b'), 1500, [])
    measured, other = state.probes()
    times = Times([row(measured)])
    assert times.seconds(other) == times.seconds(measured) == pytest.approx(10.6)


def test_runs_of_other_settings_have_other_names():
    runs = [
        run
        for plan in (PLAN, replace(PLAN, steps=(500,)), replace(PLAN, rates=(2e-3,)))
        for run in (State(plan, HASHES, 1500, finish(plan)[0])).all_runs()
        if run.kind != 'probe'
    ]
    assert len({run.name for run in runs}) == len({*runs}) > 30


def test_a_budget_says_what_was_given_and_spent():
    rows, state = finish(replace(PLAN, seeds=(0,), labels=(10,)))
    unknown = State(PLAN, HASHES, 1500, [])
    assert within_budget(unknown, Times([]), 1.0, 1) is None
    left = State(PLAN, HASHES, 1500, [])
    with pytest.raises(InputError, match=r'--budget 60 s: .* takes about'):
        within_budget(left, Times(rows), 60.0, 1, spent=50.0)
