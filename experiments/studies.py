"""A plan's runs, in the order in which they need each other."""

from itertools import product
from pathlib import Path

from ocrnet_mmdet.errors import InputError

from .execute import execute_all
from .measurements import Measurement
from .plans import PRETRAINING_RATE, RATES, STUDIES, Scoring, Study
from .records import RECORDS, Run, read
from .subsets import HELD_OUT_SEED


def run_study(name: str, data_root: Path, out: Path, jobs: int) -> None:
    """Run what ``out``'s records do not have yet.

    Raises:
        InputError: Another study has to be run first, or runs failed.
    """
    plan = STUDIES[name]
    if isinstance(plan, Study):
        execute_all(pretrainings(name, plan), data_root, out, jobs)
        execute_all(tunings(name, plan), data_root, out, jobs)
        runs = fine_tunings(name, plan, read(out / RECORDS.name))
    elif isinstance(plan, Scoring):
        runs = scorings(name, plan)
    else:
        runs = measurements(name, plan)
    execute_all(runs, data_root, out, jobs)


def pretrainings(study: str, plan: Study) -> list[Run]:
    """One of each arm that has one, on each set's pictures."""
    found = [
        Run(
            study,
            'pretraining',
            arm.pretraining.data or data,
            name,
            None,
            arm.pretraining.steps,
            PRETRAINING_RATE,
            0,
            arm.pretraining.config,
            arm.pretraining.options,
            batch=8,
            control=arm.pretraining.control,
            folders=arm.pretraining.folders,
        )
        for data, (name, arm) in product(plan.sets, plan.arms.items())
        if arm.pretraining
    ]
    return list({run.name: run for run in found}.values())


def tunings(study: str, plan: Study) -> list[Run]:
    """Each arm at each rate, scored on training pictures that no run here is trained on."""
    if plan.tuned is None:
        return []
    return [
        Run(
            study,
            'tuning',
            data,
            name,
            plan.tuned_on,
            _of_set(plan.tuned, data),
            rate,
            HELD_OUT_SEED,
            arm.config,
            arm.options,
            'held_out',
            size=plan.sizes.get(data),
            start=_start(study, plan, data, name),
        )
        for data, rate, (name, arm) in product(plan.sets, RATES, plan.arms.items())
    ]


def fine_tunings(study: str, plan: Study, rows: list[dict]) -> list[Run]:
    """The runs that are compared, each with its arm's rate.

    Args:
        rows: Of the runs so far, which say the rates.
    """
    runs = []
    for seed, data, (name, arm) in product(plan.seeds, plan.sets, plan.arms.items()):
        rate = plan.rate or (
            arm.rate
            if isinstance(arm.rate, float)
            else best_rate(rows, arm.rate or f'{study}/{name}', data)
        )
        for labels in plan.sets[data]:
            steps = (
                (equal_time_steps(rows, plan.as_long_as, data, labels, seed),)
                if plan.as_long_as
                else _of_set(plan.steps, data)
            )
            runs += [
                Run(
                    study,
                    'fine-tuning',
                    data,
                    name,
                    labels,
                    length,
                    rate,
                    seed,
                    arm.config,
                    arm.options,
                    plan.scored_on,
                    plan.augment,
                    plan.sizes.get(data),
                    _start(study, plan, data, name),
                )
                for length in steps
            ]
    return runs


def scorings(study: str, plan: Scoring) -> list[Run]:
    """Each option on each net."""
    scored: Study = STUDIES[plan.study]
    runs = []
    for data, percents in scored.sets.items():
        for labels, steps in product(percents, _of_set(scored.steps, data)):
            net = Run(plan.study, 'fine-tuning', data, plan.arm, labels, steps, seed=plan.seed)
            runs += [
                Run(
                    study,
                    'scoring',
                    data,
                    name,
                    labels,
                    steps,
                    None,
                    plan.seed,
                    scored.arms[plan.arm].config,
                    options,
                    scored.scored_on,
                    size=scored.sizes.get(data),
                    start=f'{plan.study}/{net.name}',
                )
                for name, options in plan.options.items()
            ]
    return runs


def measurements(study: str, plan: Measurement) -> list[Run]:
    """As they stand in the plan."""
    return [Run(study, **settings) for settings in plan.runs]


def best_rate(rows: list[dict], arm: str, data: str) -> float:
    """The rate of RATES with which ``STUDY/ARM`` had the best box AP on held-out pictures.

    Raises:
        InputError: It was not tuned on this data set, or not at all of them.
    """
    study, arm = arm.split('/')
    found = {
        row['lr']: row['bbox_mAP']
        for row in rows
        if not row['error']
        and (row['study'], row['kind'], row['data'], row['arm']) == (study, 'tuning', data, arm)
    }
    if missing := set(RATES) - found.keys():
        raise InputError(
            f'the records have no tuning of {study}/{arm} on {data} at the rates '
            f'{sorted(missing)}: run the study {study} first, into the same folder'
        )
    return max(RATES, key=found.get)


def equal_time_steps(rows: list[dict], study: str, data: str, labels: int, seed: int) -> int:
    """Steps of a random start that take as long as a pretraining and the long fine-tuning together.

    A step's time is the random start's: its long run less its short one, so that starting and
    scoring do not count.

    Raises:
        InputError: The study was not run.
    """

    def seconds(**wanted) -> dict[int, float]:
        return {
            row['steps']: row['seconds']
            for row in rows
            if not row['error'] and all(row[key] == value for key, value in wanted.items())
        }

    random = seconds(
        study=study, kind='fine-tuning', data=data, arm='random', labels=labels, seed=seed
    )
    pretraining = seconds(study=study, kind='pretraining', data=data, arm='pretrained')
    if len(random) < 2 or not pretraining:
        raise InputError(
            f'the records have no runs of {study} on {data}, {labels} % of the '
            f'labels, seed {seed}: run the study {study} first, into the same folder'
        )
    short, long = min(random), max(random)
    step = (random[long] - random[short]) / (long - short)
    return long + round(sum(pretraining.values()) / step)


def _start(study: str, plan: Study, data: str, name: str) -> str:
    """The pretraining that an arm starts from."""
    source = plan.arms[name].weights_of or name
    if not (pretraining := plan.arms[source].pretraining):
        return ''
    return f'{study}/{pretraining.data or data}_{source}'


def _of_set(value: dict | object, data: str) -> object:
    return value[data] if isinstance(value, dict) else value
