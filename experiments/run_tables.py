"""Tables of single runs: rates that were tried, scores, measurements."""

import statistics

from experiments.cells import METRICS, markdown


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
