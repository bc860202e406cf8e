"""The tables that README.md and docs/ quote, as Markdown: python experiments/tables.py [OUT]

With --into docs/results.md they are written between that page's marks.
From the records beside this file, or those that studies left in OUT. Scores are AP, times 100:
mean ± s.d. of n runs; a difference is the mean of the pairs with the same seed and the half width
of its 95 % interval (Student's t).
"""

import argparse
import re
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.records import RECORDS, read  # noqa: E402
from ocrnet_mmdet.compare import records as compare_records  # noqa: E402
from ocrnet_mmdet.compare.statistics import difference, spread  # noqa: E402
from ocrnet_mmdet.compare.table import read_rows  # noqa: E402

# plan.yaml and records.csv of tools/compare.py, a folder a set
COMPARED = Path(__file__).with_name('comparisons')

METRICS = dict(
    bbox_mAP='box AP', bbox_mAP_50='box AP50', bbox_mAP_75='box AP75', segm_mAP='mask AP'
)
# Title; the arm of the first column; those that it is compared with, ``STUDY/ARM`` each.
COMPARISONS = (
    ('Against stock detectors', 'against_stock/ocrnet', ('against_stock/stock',)),
    ('Few labels', 'main_table/pretrained', ('main_table/random',)),
    (
        'Boxes and masks with their default weight',
        'default_terms/default',
        ('main_table/pretrained', 'main_table/random'),
    ),
    (
        'Boxes and masks with weight 1',
        'weight_one/weight1',
        ('main_table/pretrained', 'main_table/random'),
    ),
    ("The vectors' terms", 'vector_terms/all', ('main_table/pretrained', 'main_table/random')),
    (
        "The vectors' terms, ten times as strong",
        'vector_terms/strong',
        ('main_table/pretrained', 'main_table/random'),
    ),
    ('Stock detectors, pretrained', 'any_detector/pretrained', ('any_detector/random',)),
    ('Natural pictures', 'natural/pretrained', ('natural/random',)),
    (
        'From ImageNet weights',
        'imagenet/imagenet',
        ('main_table/pretrained', 'main_table/random'),
    ),
)


def comparison(rows: list[dict], ours: str, theirs: tuple[str, ...]) -> str:
    """A row for each data set, percent of the labels, length and metric.

    Only the runs count that have a partner with the same seed in every other arm.
    """
    a, *others = [_cells(rows, arm) for arm in (ours, *theirs)]
    names = [arm.split('/')[1] for arm in (ours, *theirs)]
    lines = []
    for data, labels, steps in sorted(a, key=_in_order):
        for metric, title in METRICS.items():
            values = [
                _by_seed(cells.get((data, labels, steps), []), metric) for cells in (a, *others)
            ]
            seeds = sorted(set.intersection(*map(set, values)))
            if seeds:
                first, *rest = [[arm[seed] for seed in seeds] for arm in values]
                lines.append(
                    [
                        data,
                        _percent(labels),
                        f'{steps:,}',
                        title,
                        len(seeds),
                        *map(spread, (first, *rest)),
                        *(difference(first, b) for b in rest),
                    ]
                )
    return markdown(
        [
            'data',
            'labels',
            'steps',
            'metric',
            'n',
            *names,
            *(f'{names[0]} - {name}' for name in names[1:]),
        ],
        lines,
    )


def equal_time(rows: list[dict]) -> str:
    """The long pretrained runs against the random starts that had as much time in all."""
    random = [row for row in rows if row['study'] == 'equal_time']
    lines = []
    for data, labels in sorted({(row['data'], row['labels']) for row in random}):
        theirs = [row for row in random if (row['data'], row['labels']) == (data, labels)]
        cells = _cells(rows, 'main_table/pretrained')
        long = max(steps for *cell, steps in cells if cell == [data, labels])
        for metric, title in METRICS.items():
            a, b = _by_seed(cells[data, labels, long], metric), _by_seed(theirs, metric)
            if seeds := sorted(a.keys() & b.keys()):
                a, b = [[arm[seed] for seed in seeds] for arm in (a, b)]
                lengths = [f'{steps:,}' for steps in sorted(row['steps'] for row in theirs)]
                lines.append(
                    [
                        data,
                        _percent(labels),
                        title,
                        len(seeds),
                        '; '.join(lengths),
                        spread(a),
                        spread(b),
                        difference(a, b),
                    ]
                )
    return markdown(
        ['data', 'labels', 'metric', 'n', 'random steps', 'pretrained', 'random', 'difference'],
        lines,
    )


def arms(rows: list[dict], study: str, base: str) -> str:
    """A row for each data set and arm, its box AP also as the difference to the arm ``base``.

    An arm's minutes are those of its pretraining.
    """
    runs = [row for row in rows if (row['study'], row['kind']) == (study, 'fine-tuning')]
    minutes = {
        (row['study'], row['name']): row['seconds'] / 60
        for row in rows
        if row['kind'] == 'pretraining'
    }
    cells = {(row['data'], row['arm']): [] for row in sorted(runs, key=lambda row: row['data'])}
    for row in runs:
        cells[row['data'], row['arm']].append(row)
    lines = []
    for (data, arm), found in cells.items():
        ours, theirs = [_by_seed(part, 'bbox_mAP') for part in (found, cells.get((data, base), []))]
        seeds = sorted(ours.keys() & theirs.keys()) if arm != base else []
        scores = [_by_seed(found, metric) for metric in METRICS]
        taken = minutes.get(tuple(found[0]['start'].split('/')))
        gap = difference([ours[s] for s in seeds], [theirs[s] for s in seeds]) if seeds else ''
        lines.append(
            [
                data,
                arm,
                len(found),
                *(spread(list(s.values())) if s else '' for s in scores),
                gap,
                '' if taken is None else f'{taken:.0f}',
                _each(ours),
            ]
        )
    return markdown(
        ['data', 'arm', 'n', *METRICS.values(), f'box AP - {base}', 'minutes', 'box AP by seed'],
        lines,
    )


def more_labels(rows: list[dict]) -> str:
    """The random starts' scores after their longest training, by the share of the labels."""
    cells = _cells(rows, 'main_table/random')
    longest = {data: max(steps for d, _, steps in cells if d == data) for data, *_ in cells}
    return markdown(
        ['data', 'labels', 'metric', 'n', 'random', 'by seed'],
        [
            [
                data,
                _percent(labels),
                METRICS[metric],
                len(scores),
                spread(list(scores.values())),
                _each(scores),
            ]
            for data, labels, steps in sorted(cells, key=_in_order)
            if steps == longest[data]
            for metric in ('bbox_mAP', 'segm_mAP')
            if (scores := _by_seed(cells[data, labels, steps], metric))
        ],
    )


def rates(rows: list[dict]) -> str:
    """Held-out box AP by learning rate."""
    runs = [row for row in rows if row['kind'] == 'tuning']
    grid = sorted({row['lr'] for row in runs})
    cells = {}
    for row in runs:
        cell = cells.setdefault((row['study'], row['data'], row['arm'], row['steps']), {})
        cell.setdefault(row['lr'], []).append(f'{100 * row["bbox_mAP"]:.1f}')
    return markdown(
        ['study', 'data', 'arm', 'steps', *(f'{rate:g}' for rate in grid)],
        [
            [*cell, *(', '.join(found.get(rate, [])) for rate in grid)]
            for cell, found in sorted(cells.items())
        ],
    )


def candidates(rows: list[dict]) -> str:
    """Scores by the number of candidates, beside those that the trainings ended with."""
    scored = [row for row in rows if row['study'] == 'candidates']
    nets = {row['start'] for row in scored}
    trained = [
        dict(row, arm='as trained') for row in rows if f'{row["study"]}/{row["name"]}' in nets
    ]
    return single_runs(sorted(scored + trained, key=lambda row: row['data']))


def single_runs(rows: list[dict]) -> str:
    """Every score."""
    metrics = METRICS | dict(segm_mAP_50='mask AP50')
    settings = ('study', 'data', 'arm', 'labels', 'steps', 'scored_on', 'seed')
    return markdown(
        [*settings, *metrics.values()],
        [
            [
                *('' if row[name] is None else row[name] for name in settings),
                *('' if row[metric] is None else f'{100 * row[metric]:.1f}' for metric in metrics),
            ]
            for row in rows
        ],
    )


def recall(rows: list[dict]) -> str:
    """Share of objects that the best boxes hold, and of boxes that hold one."""
    lines = []
    for row in (row for row in rows if row['kind'] == 'recall'):
        for arm, found in row['measured']['arms'].items():
            strict = found.get('strict_recall', {}).get('100')
            lines.append(
                [
                    row['study'],
                    row['data'],
                    arm,
                    found.get('boxes', ''),
                    *found['recall'].values(),
                    '' if strict is None else strict,
                    found['precision'],
                    found.get('precision_of_all', ''),
                    row['measured']['milliseconds']['processor']['median'],
                ]
            )
    return markdown(
        [
            'study',
            'data',
            'boxes of',
            'boxes',
            'best 16',
            'best 32',
            'best 100',
            'best 100, IoU 0.75',
            'of the best 36',
            'of all',
            'ms of discovery',
        ],
        lines,
    )


def ratios(rows: list[dict], kind: str, base: str) -> str:
    """Each figure of a measurement over that of ``base``."""
    lines = []
    for row in (row for row in rows if row['kind'] == kind):
        for arm, found in row['measured'].items():
            if arm != base:
                theirs = row['measured'][base]
                lines += [
                    [row['name'], row['device'], arm, figure, f'{value / theirs[figure]:.2f}']
                    for figure, value in found.items()
                ]
    return markdown(['run', 'device', 'arm', 'figure', f'over {base}'], lines)


def step_times(rows: list[dict]) -> str:
    """Median over the runs of their steps' seconds."""
    cells = {}
    for row in rows:
        if row['kind'] == 'fine-tuning' and row['step_seconds'] and row['study'] == 'against_stock':
            cells.setdefault((row['data'], row['arm']), []).append(row['step_seconds'])
    return markdown(
        ['data', 'arm', 'seconds a step'],
        [[*cell, f'{statistics.median(found):.2f}'] for cell, found in sorted(cells.items())],
    )


def detectors(rows: list[dict]) -> str:
    """A row an arm of a comparison by tools/compare.py; differences to the first arm, by seed."""
    cells: dict[str, list[dict]] = {}
    for row in rows:
        if row['kind'] == 'fine-tuning' and not row['error']:
            cells.setdefault(row['arm'], []).append(row)
    if not cells:
        return ''
    reference = _by_seed(next(iter(cells.values())), 'bbox_mAP')
    lines = []
    for arm, runs in cells.items():
        box = _by_seed(runs, 'bbox_mAP')
        seeds = sorted(box.keys() & reference.keys())
        lines.append(
            [
                arm,
                len(runs),
                f'{runs[0]["lr"]:g}',
                *(
                    spread(list(_by_seed(runs, metric).values())) if _by_seed(runs, metric) else ''
                    for metric in ('bbox_mAP', 'bbox_mAP_50', 'bbox_mAP_75', 'proposal_recall')
                ),
                ''
                if arm == next(iter(cells))
                else difference([box[seed] for seed in seeds], [reference[seed] for seed in seeds]),
                f'{statistics.mean(row["seconds"] for row in runs):.0f}',
                f'{1000 * statistics.median(row["latency_seconds"] for row in runs):.0f}',
                f'{runs[0]["parameters"] / 1e6:.1f}',
            ]
        )
    return markdown(
        [
            'arm',
            'n',
            'rate',
            'box AP',
            'AP50',
            'AP75',
            "proposals' AR",
            'box AP - the first arm',
            'seconds',
            'ms a picture',
            'parameters, M',
        ],
        lines,
    )


def markdown(header: list[str], lines: list[list]) -> str:
    """A table; without lines nothing."""
    if not lines:
        return ''
    return '\n'.join(
        f'| {" | ".join(map(str, cells))} |' for cells in (header, ['---'] * len(header), *lines)
    )


def _cells(rows: list[dict], arm: str) -> dict[tuple, list[dict]]:
    """(data set, percent, steps) -> the fine-tunings of ``STUDY/ARM``."""
    cells = {}
    for row in rows:
        if row['kind'] == 'fine-tuning' and f'{row["study"]}/{row["arm"]}' == arm:
            cells.setdefault((row['data'], row['labels'], row['steps']), []).append(row)
    return cells


def _in_order(cell: tuple) -> tuple:
    """No percent, all labels, comes last."""
    data, labels, steps = cell
    return data, labels or 101, steps


def _by_seed(rows: list[dict], metric: str) -> dict[int, float]:
    return {row['seed']: 100 * row[metric] for row in rows if row[metric] is not None}


def _percent(labels: int | None) -> str:
    return 'all' if labels is None else f'{labels} %'


def _each(values: dict[int, float]) -> str:
    return ', '.join(f'{values[seed]:.1f}' for seed in sorted(values))


def all_tables(rows: list[dict]) -> Iterable[tuple[str, str]]:
    """Title and Markdown of each table."""
    rows = [row for row in rows if not row['error']]
    for title, ours, theirs in COMPARISONS:
        yield title, comparison(rows, ours, theirs)
    tables: dict[str, Callable[[], str]] = {
        'Equal total time': lambda: equal_time(rows),
        'More labels instead': lambda: more_labels(rows),
        'What carries the gain': lambda: arms(rows, 'ablation', 'none'),
        'Weights of boxes and masks, held-out': lambda: arms(rows, 'term_weights', 'regions'),
        'Learning rates, held-out box AP': lambda: rates(rows),
        'Number of candidates': lambda: candidates(rows),
        "README's picture": lambda: single_runs(
            [
                row
                for row in rows
                if row['study'] == 'front_picture' and row['kind'] == 'fine-tuning'
            ]
        ),
        'Overfitting': lambda: single_runs([row for row in rows if row['study'] == 'overfit']),
        'Trials': lambda: single_runs(
            [
                row
                for row in rows
                if '/' in row['study'] and row['kind'] in ('fine-tuning', 'scoring')
            ]
        ),
        'Regions': lambda: recall(rows),
        'Cost of a pretraining step': lambda: ratios(rows, 'cost', 'supervised'),
        'Speed and memory': lambda: ratios(rows, 'speed', 'stock'),
        'Seconds of a training step': lambda: step_times(rows),
    }
    yield from ((title, make()) for title, make in tables.items())


def compared() -> dict[str, str]:
    """Title and Markdown of the comparisons that are kept."""
    return {
        f'Detectors on {file.parent.name}': detectors(
            read_rows(file, compare_records.COLUMNS, compare_records.TEXT)
        )
        for file in sorted(COMPARED.glob('*/records.csv'))
    }


MARKS = re.compile(r'(?<=<!-- table: )(.+?)( -->\n).*?(?=<!-- end of table -->)', re.DOTALL)


def filled(page: str, rows: list[dict]) -> str:
    """A page with every table between its marks: ``<!-- table: TITLE -->`` and ``<!-- end of table
    -->``.

    Raises:
        KeyError: There is no table of a title.
    """
    tables = dict(all_tables(rows)) | compared()
    return MARKS.sub(lambda mark: f'{mark[1]}{mark[2]}\n{tables[mark[1]]}\n\n', page)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('records', type=Path, nargs='?', default=RECORDS.parent, metavar='OUT')
    parser.add_argument('--into', type=Path, metavar='PAGE', help='write them into its marks')
    args = parser.parse_args()
    rows = read(args.records / RECORDS.name)
    if args.into:
        args.into.write_text(filled(args.into.read_text(), rows))
    else:
        for title, table in [*all_tables(rows), *compared().items()]:
            if table:
                print(f'## {title}\n\n{table}\n')
