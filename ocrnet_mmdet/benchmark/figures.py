"""The figures of docs/pretraining.md from what ``main_table`` left, as SVG.

    python -m ocrnet_mmdet.benchmark.figures benchmarks/main_table docs/figures
"""
import argparse
import json
import re
import statistics
from collections import defaultdict
from pathlib import Path

import matplotlib

from .report import read_runs

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

MONITORS = dict(box_level_ratio='box loss / its level unmoved', mask_level_ratio='mask loss / entropy of the fill',
                candidate_recall='regions covered by 100 candidates')
STEP = re.compile(r'Iter\(train\) \[ *(\d+)/')
VALUE = re.compile(r'(\w+): (-?[\d.e+-]+)')


def pretraining_curves(logs: list[Path], out: Path) -> None:
    """What the monitors said of each pretraining, by step.

    Args:
        logs: ``DATA_SET.log`` each.
    """
    figure, axes = pyplot.subplots(1, len(MONITORS), figsize=(4 * len(MONITORS), 3.2), layout='constrained')
    for log in logs:
        steps = read_log(log)
        for axis, name in zip(axes, MONITORS):
            axis.plot([s['step'] for s in steps], [s[name] for s in steps], label=log.stem)
    for axis, title in zip(axes, MONITORS.values()):
        axis.set(title=title, xlabel='step')
        axis.grid(alpha=.3)
    axes[0].legend()
    _save(figure, out)


def read_log(path: Path) -> list[dict[str, float]]:
    """The training lines of mmengine's log, each as ``dict(step, NAME=value, ...)``."""
    steps = []
    for line in path.read_text().splitlines():
        if found := STEP.search(line):
            values = {name: float(value) for name, value in VALUE.findall(line[found.end():])}
            steps.append(dict(step=int(found[1]), **values))
    return steps


def ap_by_time(folder: Path, out: Path) -> None:
    """Mean box AP against minutes from the beginning: the pretraining's are counted in.

    Args:
        folder: Of ``main_table``, with ``equal_time`` below it if that was run.
    """
    curves = total_times(folder)
    cells = sorted({cell for cell, arm in curves if arm == 'pretrained'})
    figure, axes = pyplot.subplots(1, len(cells), figsize=(4 * len(cells), 3.2), layout='constrained',
                                   squeeze=False)
    for axis, cell in zip(axes[0], cells):
        arms = {arm: sorted(curves.get((cell, arm), [])) for arm in ('random', 'pretrained')}
        for colour, (arm, points) in enumerate(arms.items()):
            axis.plot([p[0] for p in points], [p[1] for p in points], marker='o', color=f'C{colour}', label=arm)
        data, percent = cell.rsplit('_', 1)
        axis.set(title=f'{data}, {percent} % of the labels', xlabel='minutes in all', ylabel='box AP')
        axis.set_ylim(0, 1.1 * max(ap for points in arms.values() for _, ap in points))
        axis.grid(alpha=.3)
        axis.legend(loc='lower right')
    _save(figure, out)


def total_times(folder: Path) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """(``DATA_PERCENT``, arm) -> a (minutes in all, mean box AP) for each length of fine-tuning.

    A run of ``equal_time`` counts the time that its steps were chosen to fill, not its own, which may be that
    of a slower day. A length at which fewer seeds were run than at another is left out: its mean is of other ones.
    """
    def wall(path: str) -> float:
        return json.loads((folder / f'{path}.json').read_text())['wall_seconds']

    found = defaultdict(list)
    for record in read_runs(folder) + read_runs(folder / 'equal_time'):
        cell, length, arm, seed = record['run']['name'].rsplit('_', 3)
        equal = length == 'equal'
        seconds = wall(f'{cell}_long_{arm}_{seed}') if equal else record['wall_seconds']
        if equal or arm == 'pretrained':
            seconds += wall(f'pretraining/{record["run"]["data"]}')
        found[cell, arm, length].append((seconds / 60, 100 * record['scores']['bbox_mAP']))
    curves = defaultdict(list)
    for (cell, arm, _), points in found.items():
        if len(points) < max(len(found[key]) for key in found if key[:2] == (cell, arm)):
            continue
        curves[cell, arm].append(tuple(map(statistics.mean, zip(*points))))
    return dict(curves)


def _save(figure: pyplot.Figure, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata=dict(Date=None))
    pyplot.close(figure)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('study', type=Path, help='folder of main_table')
    parser.add_argument('out', type=Path, help='folder for the figures')
    args = parser.parse_args()
    # Text stays text, and the same records give the same bytes.
    matplotlib.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'figures'})
    pretraining_curves(sorted((args.study / 'pretraining').glob('*.log')), args.out / 'pretraining.svg')
    ap_by_time(args.study, args.out / 'ap_by_time.svg')
