"""What was trained on what, with which machine, in which time: of any training."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ..compare.times import shown_time
from .sections import Section, Table
from .work_folder import Training


def settings(training: Training) -> dict[str, str]:
    """What a reader needs to know of it, by name; what nothing says is left out."""
    fact, cfg = training.fact, training.cfg
    optim = cfg.get('optim_wrapper') or {}
    optimizer = optim.get('optimizer') or {}
    said = fact.get('summary', {})
    planned = training.planned
    rows = dict(
        model=said.get('model') or (cfg.get('model') or {}).get('type', ''),
        **{f'{name} data': _counted(known) for name, known in fact.get('data', {}).items()},
        data=said.get('data', '') if not fact.get('data') else '',
        start=_start(training),
        steps=f'{training.steps:,}' + (f' of {planned:,}' if planned else ''),
        batch=f'{fact["pictures_a_step"]} pictures' if 'pictures_a_step' in fact else '',
        rate=f'{optimizer.get("lr", 0):g}, {optimizer.get("type", "")}' if optimizer else '',
        seed=str(fact['seed']) if 'seed' in fact else _seed(training),
        device=said.get('device', ''),
        machine=fact.get('machine', ''),
        versions=', '.join(f'{name} {v}' for name, v in fact.get('versions', {}).items()),
    )
    return {name: text for name, text in rows.items() if text}


def times(training: Training) -> dict[str, str]:
    """Time and memory, by name."""
    step = [row['time'] for row in training.train.values() if 'time' in row]
    loading = [row['data_time'] for row in training.train.values() if 'data_time' in row]
    val = [row['time'] for row in training.val.values() if 'time' in row]
    gpu = [row['memory'] for row in training.train.values() if 'memory' in row]
    peak = training.fact.get('peak_mb')
    rows = {
        'whole training': shown_time(training.seconds)
        + (f' in {len(training.facts)} starts' if len(training.facts) > 1 else ''),
        'a step': f'{statistics.median(step):.3f} s' if step else '',
        'of which waiting for data': f'{statistics.median(loading):.3f} s' if loading else '',
        'a scored batch': f'{statistics.median(val):.3f} s' if val else '',
        "peak of the GPU's memory": f'{max(gpu):,.0f} MB' if gpu else '',
        "peak of the process's memory": f'{peak:,.0f} MB' if peak else '',
    }
    return {name: text for name, text in rows.items() if text}


def side_by_side(
    title: str, trainings: Sequence[Training], rows: Sequence[dict[str, str]]
) -> Section:
    """A table of named values, a column a training."""
    names = list(dict.fromkeys(name for each in rows for name in each))
    header = ['', *(t.name for t in trainings)] if len(trainings) > 1 else ['', '']
    lines = [[name, *(each.get(name, '') for each in rows)] for name in names]
    return Section(title, tables=[Table(header, lines, text=tuple(range(1, len(header))))])


def unfinished(training: Training) -> str:
    """What there is of a training that did not come to its end; empty of one that did."""
    planned = training.planned
    if training.fact.get('finished') or (planned and training.steps >= planned):
        return ''
    if not training.train and not training.val:
        return 'This training ended before its first line in the log: its settings are all there is'
    whole = f' of {planned:,}' if planned else ''
    kept = training.last_checkpoint()
    more = f'; the same command with --resume goes on from {kept}' if kept else ''
    return f'This training is not at its end: the log ends at step {training.steps:,}{whole}{more}'


def _counted(known: dict) -> str:
    text = f'{known["pictures"]:,} pictures'
    if 'objects' not in known:
        return text
    by_class = known['by_class']
    most = sorted(by_class, key=lambda name: -by_class[name])[:12]
    listed = ', '.join(f'{name} {by_class[name]:,}' for name in most)
    more = f' ... {len(by_class)} classes' if len(by_class) > len(most) else ''
    return f'{text}, {known["objects"]:,} objects ({listed}{more})'


def _start(training: Training) -> str:
    first = training.facts[0] if training.facts else {}
    file = first.get('load_from') or training.cfg.get('load_from')
    if file:
        return str(file)
    model = training.cfg.get('model') or {}
    init = (model.get('detector', model).get('backbone') or {}).get('init_cfg') or {}
    init = init[0] if isinstance(init, (list, tuple)) and init else init
    if not isinstance(init, dict) or not init.get('checkpoint'):
        return 'random weights'
    return f'backbone {init["checkpoint"]}, the rest random'


def _seed(training: Training) -> str:
    seed = (training.cfg.get('randomness') or {}).get('seed')
    return '' if seed is None else str(seed)
