"""The figures of docs/, as SVG: python experiments/figures.py [OUT]

From the records and curves beside this file, or those that a study left in OUT.
"""

import argparse
import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.records import CURVES, RECORDS, read  # noqa: E402

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

MONITORS = dict(
    box_level_ratio='box loss / its level unmoved',
    mask_level_ratio='mask loss / entropy of the fill',
    proposal_recall='regions covered by 100 proposals',
)


def pretraining_curves(curves: Path, study: str) -> pyplot.Figure:
    """What the monitors said of a study's pretrainings, by step."""
    lines = defaultdict(list)
    with open(curves, newline='') as file:
        for row in csv.DictReader(file):
            if row['study'] == study:
                lines[row['data']].append(row)
    figure, axes = pyplot.subplots(
        1, len(MONITORS), figsize=(4 * len(MONITORS), 3.2), layout='constrained'
    )
    for data, rows in sorted(lines.items()):
        for axis, name in zip(axes, MONITORS):
            shown = [row for row in rows if row[name]]
            axis.plot(
                [int(row['step']) for row in shown], [float(row[name]) for row in shown], label=data
            )
    for axis, title in zip(axes, MONITORS.values()):
        axis.set(title=title, xlabel='step')
        axis.grid(alpha=0.3)
    axes[0].legend()
    return figure


def ap_by_time(rows: list[dict]) -> pyplot.Figure:
    """Mean box AP against minutes from the beginning: the pretraining's are counted in."""
    curves = total_times(rows)
    cells = sorted({(data, labels) for data, labels, arm in curves if arm == 'pretrained'})
    figure, axes = pyplot.subplots(
        1, len(cells), figsize=(4 * len(cells), 3.2), squeeze=False, layout='constrained'
    )
    for axis, (data, labels) in zip(axes[0], cells):
        arms = {
            arm: sorted(curves.get((data, labels, arm), [])) for arm in ('random', 'pretrained')
        }
        for colour, (arm, points) in enumerate(arms.items()):
            axis.plot(
                [p[0] for p in points],
                [p[1] for p in points],
                marker='o',
                color=f'C{colour}',
                label=arm,
            )
        axis.set(
            title=f'{data}, {labels} % of the labels', xlabel='minutes in all', ylabel='box AP'
        )
        axis.set_ylim(0, 1.1 * max(ap for points in arms.values() for _, ap in points))
        axis.grid(alpha=0.3)
        axis.legend(loc='lower right')
    return figure


def total_times(rows: list[dict]) -> dict[tuple[str, int, str], list[tuple[float, float]]]:
    """(data set, percent, arm) -> a (minutes in all, mean box AP) for each length of fine-tuning.

    A run of ``equal_time`` counts the time that its steps were chosen to fill, not its own, which
    may be that of a slower day. A length at which fewer seeds were run than at another is left out:
    its mean is of other ones.
    """
    rows = [row for row in rows if not row['error']]
    pretraining = {
        row['data']: row['seconds']
        for row in rows
        if (row['study'], row['kind']) == ('main_table', 'pretraining')
    }
    runs = [
        row
        for row in rows
        if row['kind'] == 'fine-tuning' and row['study'] in ('main_table', 'equal_time')
    ]
    long = {
        (row['data'], row['labels'], row['arm'], row['seed']): row
        for row in sorted(runs, key=lambda row: row['steps'])
        if row['study'] == 'main_table'
    }
    found = defaultdict(list)
    for row in runs:
        cell = row['data'], row['labels'], row['arm']
        equal = row['study'] == 'equal_time'
        seconds = long[(*cell, row['seed'])]['seconds'] if equal else row['seconds']
        if equal or row['arm'] == 'pretrained':
            seconds += pretraining[row['data']]
        found[cell, 'equal' if equal else row['steps']].append(
            (seconds / 60, 100 * row['bbox_mAP'])
        )
    most = {cell: max(len(found[key]) for key in found if key[0] == cell) for cell, _ in found}
    curves = defaultdict(list)
    for (cell, _), points in found.items():
        if len(points) == most[cell]:
            curves[cell].append(tuple(map(statistics.mean, zip(*points))))
    return dict(curves)


def _save(figure: pyplot.Figure, path: Path) -> None:
    figure.savefig(path, metadata=dict(Date=None))
    pyplot.close(figure)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('records', type=Path, nargs='?', default=RECORDS.parent, metavar='OUT')
    parser.add_argument('--to', type=Path, default=ROOT / 'docs' / 'figures')
    args = parser.parse_args()
    # Text stays text, and the same records give the same bytes.
    matplotlib.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'figures'})
    _save(pretraining_curves(args.records / CURVES, 'main_table'), args.to / 'pretraining.svg')
    _save(ap_by_time(read(args.records / RECORDS.name)), args.to / 'ap_by_time.svg')
