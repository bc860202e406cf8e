import math
from dataclasses import asdict, replace

import pytest

from experiments import execute, plans, studies
from experiments.measurements import Measurement
from experiments.plans import RATES, STUDIES, Scoring, Study
from experiments.records import RECORDS, Run, append, identity, read, row_of
from ocrnet_mmdet.errors import InputError

TRAININGS = [name for name, plan in STUDIES.items() if isinstance(plan, Study)]


def tuned(study, arm, data, best=2e-3):
    """Rows of a grid whose best rate is ``best``."""
    return [
        row_of(
            Run(study, 'tuning', data, arm, 10, 300, rate, 99),
            error='',
            bbox_mAP=0.5 - abs(math.log(rate / best)),
        )
        for rate in RATES
    ]


def enough_rows(plan):
    """Of whatever other runs the plan's trainings need."""
    arms = {arm.rate for arm in plan.arms.values() if isinstance(arm.rate, str) and arm.rate}
    rows = [row for data in plan.sets for arm in arms for row in tuned(*arm.split('/'), data)]
    if plan.as_long_as:
        base = dict(error='', bbox_mAP=None)
        for data, percents in plan.sets.items():
            rows.append(
                row_of(Run('main_table', 'pretraining', data, 'pretrained'), seconds=1000, **base)
            )
            rows += [
                row_of(
                    Run('main_table', 'fine-tuning', data, 'random', labels, steps, seed=seed),
                    seconds=10 + steps / 2,
                    **base,
                )
                for labels in percents
                for steps in (300, 1000)
                for seed in plan.seeds
            ]
    return rows


def runs_of(name):
    """All runs of a plan; each arm's own rates are as tuned."""
    plan = STUDIES[name]
    if isinstance(plan, Study):
        own = [row for arm in plan.arms for data in plan.sets for row in tuned(name, arm, data)]
        return (
            studies.pretrainings(name, plan)
            + studies.tunings(name, plan)
            + studies.fine_tunings(name, plan, enough_rows(plan) + own)
        )
    return {Scoring: studies.scorings, Measurement: studies.measurements}[type(plan)](name, plan)


@pytest.mark.parametrize('name', STUDIES)
def test_a_plan_makes_distinct_runs(name):
    runs = runs_of(name)
    assert runs and len({identity(asdict(run)) for run in runs}) == len(runs)
    assert len({(run.kind, run.name) for run in runs}) == len(runs)
    assert {run.kind for run in runs} <= execute.MODULES.keys()


@pytest.mark.parametrize('name', TRAININGS)
def test_a_run_starts_from_a_run_that_there_is(name):
    runs = runs_of(name)
    names = {f'{run.study}/{run.name}' for run in runs if run.kind == 'pretraining'}
    starts = {run.start for run in runs} - {''}
    assert starts == names


@pytest.mark.parametrize('labels', [None, 10])
def test_a_scoring_starts_from_trained_nets(monkeypatch, labels):
    study = STUDIES['against_stock']
    study = replace(study, sets=dict.fromkeys(study.sets, (labels,)))
    monkeypatch.setitem(STUDIES, 'against_stock', study)
    nets = {
        f'{run.study}/{run.name}'
        for run in runs_of('against_stock')
        if (run.kind, run.arm, run.seed) == ('fine-tuning', 'ocrnet', 0)
    }
    assert {run.start for run in runs_of('candidates')} == nets


@pytest.mark.parametrize('name', TRAININGS)
def test_arms_are_told_apart_by_their_settings_alone(name):
    """Of the same pictures, seed and length two arms differ in config, options or start."""
    runs = [run for run in runs_of(name) if run.kind == 'fine-tuning']
    unnamed = {identity(asdict(replace(run, arm=''))) for run in runs}
    assert len(unnamed) == len(runs)


def test_the_kept_records_are_runs_of_the_plans():
    """Those of the studies that nothing was changed in since."""
    rows = read(RECORDS)
    for name in ('recall', 'proposal_recall', 'listing'):
        planned = {identity(asdict(run)) for run in runs_of(name)}
        assert planned == {identity(row) for row in rows if row['study'] == name}


def test_an_arm_has_the_rate_with_the_best_held_out_box_ap():
    rows = [
        row
        for study, arm, rate in (('a', 'x', 1e-3), ('a', 'y', 4e-3), ('b', 'x', 5e-4))
        for row in tuned(study, arm, 'bccd', rate)
    ]
    assert studies.best_rate(rows, 'a/x', 'bccd') == 1e-3
    assert studies.best_rate(rows, 'a/y', 'bccd') == 4e-3
    with pytest.raises(InputError, match='no tuning of a/x on nuclei .* run the study a first'):
        studies.best_rate(rows, 'a/x', 'nuclei')
    rows[1]['error'] = 'killed'
    with pytest.raises(InputError, match=r'at the rates \[0.001\]'):
        studies.best_rate(rows, 'a/x', 'bccd')


@pytest.mark.parametrize('name', [name for name in TRAININGS if STUDIES[name].tuned])
def test_rates_are_chosen_on_held_out_pictures(name):
    plan = STUDIES[name]
    runs = studies.tunings(name, plan)
    assert {run.scored_on for run in runs} == {'held_out'}
    assert not {run.seed for run in runs} & set(plan.seeds)
    assert {(run.data, run.arm, run.lr) for run in runs} == {
        (data, arm, rate) for data in plan.sets for arm in plan.arms for rate in RATES
    }


def test_equal_time_is_the_pretrainings_time_in_steps():
    plan = STUDIES['equal_time']
    steps = studies.equal_time_steps(enough_rows(plan), 'main_table', 'bccd', 10, 1)
    assert steps == 1000 + 2000  # 0.5 s a step, 10 s of scoring
    with pytest.raises(InputError, match='run the study main_table first'):
        studies.equal_time_steps([], 'main_table', 'bccd', 10, 1)


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """Names of the runs that were started; they end at once, ``fails`` with an error."""
    names = []

    def pretend(command, stdout, **kwargs):
        run = Run(**execute.json.loads(command[-1])['run'])
        names.append(run.name)
        if run.arm == 'fails':
            stdout.write('Traceback ...\nRuntimeError: out of memory\n')
        else:
            append(tmp_path / RECORDS.name, row_of(run, bbox_mAP=0.5))
        return execute.subprocess.CompletedProcess(command, int(run.arm == 'fails'))

    monkeypatch.setattr(execute.subprocess, 'run', pretend)
    monkeypatch.setattr(execute, 'commit', lambda root: 'abc')
    return names


def run(arm='works', **settings):
    return Run('study', 'fine-tuning', 'bccd', arm, 10, 300, 1e-3, 0, **settings)


def test_a_finished_run_is_not_repeated(tmp_path, tried):
    for _ in range(2):
        execute.execute_all([run(), run('other')], tmp_path, tmp_path, 2)
    assert sorted(tried) == sorted([run().name, run('other').name])


def test_a_failed_run_leaves_its_reason_and_is_tried_again(tmp_path, tried):
    for attempt in (1, 2):
        with pytest.raises(InputError, match='1 runs failed, bccd_10_fails_300_seed0 first'):
            execute.execute_all([run('fails'), run()], tmp_path, tmp_path, 1)
        rows = read(tmp_path / RECORDS.name)
        assert [row['error'] for row in rows if row['arm'] == 'fails'] == [
            'status 1: RuntimeError: out of memory'
        ] * attempt
        assert [row['arm'] for row in rows].count('works') == 1


@pytest.mark.parametrize(
    ('kind', 'file'),
    [
        ('fine-tuning', 'a/pretraining/b/pretrained_detector.pth'),
        ('scoring', 'a/fine-tuning/b/iter_300.pth'),
    ],
)
def test_a_run_without_its_weights_is_not_started(tmp_path, tried, kind, file):
    wanting = replace(run(start='a/b'), kind=kind)
    with pytest.raises(InputError, match=f'needs .*{file}, which is not there'):
        execute.execute_all([wanting], tmp_path, tmp_path, 1)
    assert not tried
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    execute.execute_all([wanting], tmp_path, tmp_path, 1)
    assert tried


def test_a_study_needs_the_rates_of_another_first(tmp_path, tried, monkeypatch):
    arm = plans.Arm(rate='main_table/random')
    monkeypatch.setitem(STUDIES, 'late', Study(dict(bccd=(10,)), dict(a=arm), (300,)))
    with pytest.raises(InputError, match='run the study main_table first'):
        studies.run_study('late', tmp_path, tmp_path, 1)
    for row in tuned('main_table', 'random', 'bccd'):
        append(tmp_path / RECORDS.name, row)
    studies.run_study('late', tmp_path, tmp_path, 1)
    assert len(tried) == 3
    assert {row['lr'] for row in read(tmp_path / RECORDS.name) if row['study'] == 'late'} == {2e-3}
