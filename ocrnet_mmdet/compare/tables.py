"""The page's tables."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence

from .answer import Cell, Difference, differences
from .plan import Outside
from .statistics import spread
from .times import shown_time

METRICS = dict(
    bbox_mAP='box AP',
    bbox_mAP_50='box AP50',
    bbox_mAP_75='box AP75',
    segm_mAP='mask AP',
    segm_mAP_50='mask AP50',
    segm_mAP_75='mask AP75',
)
REGIONS = dict(proposal_recall="proposals' AR", region_accuracy='region accuracy')
# Column of the records: its title, what it is multiplied with, digits.
COSTS = {
    'stage_seconds': ('stage s', 1, 0),
    'seconds': ('fine-tuning s', 1, 0),
    'total_seconds': ('total s', 1, 0),
    'choice_seconds': ('choice s', 1, 0),
    'step_seconds': ('s a step', 1, 2),
    'latency_seconds': ('ms a picture', 1e3, 0),
    'peak_mb': ('MB', 1, 0),
    'flops': ('GFLOPs', 1e-9, 1),
    'parameters': ('M parameters', 1e-6, 1),
}
RUN_COLUMNS = dict(arm='arm', labels='labels', seed='seed', steps='steps', lr='rate')


def _table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> dict:
    return dict(header=header, lines=lines)


def known_metrics(found: Sequence[Cell], outside: Mapping[str, dict]) -> list[str]:
    """Those that a run or an outside row has."""
    return [
        metric
        for metric in METRICS
        if any(cell.values(metric) for cell in found)
        or any(metric in scores for scores in outside.values())
    ]


def scores_table(
    found: Sequence[Cell],
    given: Mapping[str, Outside],
    outside: Mapping[str, dict],
    metrics: Sequence[str],
) -> dict:
    """Ours, then the outside rows."""
    regions = [name for name in REGIONS if any(cell.values(name) for cell in found)]
    lines: list[list] = [
        [
            cell.arm,
            cell.labels,
            len(cell.rows),
            *(_spread(cell.values(metric)) for metric in [*metrics, *regions]),
        ]
        for cell in found
    ]
    lines += [
        [
            name,
            given[name].labels or '',
            '',
            *(f'{100 * scores[m]:.1f}' if m in scores else '' for m in metrics),
            *('' for _ in regions),
        ]
        for name, scores in outside.items()
    ]
    titles = [*(METRICS[metric] for metric in metrics), *(REGIONS[name] for name in regions)]
    return _table(['arm', 'labels', 'n', *titles], lines)


def costs_table(found: Sequence[Cell], given: Mapping[str, Outside]) -> dict:
    """Ours, then the outside rows."""
    lines: list[list] = [
        [
            cell.arm,
            cell.labels,
            _settings(cell),
            *(
                _rounded(cell.mean(column), scale, digits)
                for column, (_, scale, digits) in COSTS.items()
            ),
        ]
        for cell in found
    ]
    lines += [
        [
            name,
            item.labels or '',
            '',
            *(_rounded(item.seconds if column == 'total_seconds' else None) for column in COSTS),
        ]
        for name, item in given.items()
    ]
    titles = [title for title, _, _ in COSTS.values()]
    return _table(['arm', 'labels', 'steps, rate', *titles], lines)


def paired_table(
    found: Sequence[Cell],
    reference: str,
    metrics: Sequence[str],
    shares: Sequence[tuple[str, int, float]],
) -> dict:
    kept = [metric for metric in ('bbox_mAP', 'segm_mAP') if metric in metrics]
    by_metric = {
        metric: {(d.arm, d.labels): d for d in differences(found, reference, metric)}
        for metric in kept
    }
    closed = {(arm, labels): share for arm, labels, share in shares}
    keys = [
        (cell.arm, cell.labels)
        for cell in found
        if any((cell.arm, cell.labels) in part for part in by_metric.values())
    ]
    lines = [
        [
            arm,
            labels,
            next(part[arm, labels].n for part in by_metric.values() if (arm, labels) in part),
            *(_difference(by_metric[metric].get((arm, labels))) for metric in kept),
            *([f'{closed[arm, labels]:.0%}' if (arm, labels) in closed else ''] if shares else []),
        ]
        for arm, labels in keys
    ]
    return _table(
        [
            'arm',
            'labels',
            'n',
            *(METRICS[metric] for metric in kept),
            *(['share of the gap'] if shares else []),
        ],
        lines,
    )


def failed_table(rows: Sequence[dict]) -> dict:
    return _table(['run', 'why'], [[row['name'], row['error']] for row in rows if row['error']])


def chosen_table(rows: Sequence[dict]) -> dict:
    tunings = [row for row in rows if row['kind'] == 'tuning' and not row['error']]
    return _table(
        [*RUN_COLUMNS.values(), 'box AP, held out', 's'],
        [
            [
                *(f'{row[name]:g}' if name == 'lr' else row[name] for name in RUN_COLUMNS),
                f'{100 * row["bbox_mAP"]:.1f}' if row.get('bbox_mAP') is not None else '',
                _rounded(row['seconds']),
            ]
            for row in sorted(
                tunings, key=lambda row: (row['arm'], -row['labels'], row['steps'], row['lr'])
            )
        ],
    )


def classes_table(found: Sequence[Cell], outside: Mapping[str, dict]) -> dict:
    names = list(
        dict.fromkeys(
            name for cell in found for row in cell.rows.values() for name in row['by_class'] or {}
        )
    )
    lines: list[list] = []
    for cell in found:
        values = [
            [
                100 * row['by_class'][name]
                for row in cell.rows.values()
                if name in (row['by_class'] or {})
            ]
            for name in names
        ]
        if cell.rows:
            lines.append(
                [
                    cell.arm,
                    cell.labels,
                    *(f'{statistics.mean(each):.1f}' if each else '' for each in values),
                ]
            )
    lines += [
        [
            name,
            '',
            *(
                f'{100 * scores["by_class"][c]:.1f}' if c in scores.get('by_class', {}) else ''
                for c in names
            ),
        ]
        for name, scores in outside.items()
    ]
    return _table(['arm', 'labels', *names], lines if len(names) > 1 else [])


def machine_line(rows: Sequence[dict]) -> str:
    seen = {
        json.dumps(
            [
                row[name]
                for name in ('device', 'threads', 'torch', 'mmdet', 'ocrnet_mmdet', 'commit')
            ]
        ): row
        for row in rows
    }
    text = ''.join(
        f'{row["device"]}, threads a run: {row["threads"]}, torch {row["torch"]}, '
        f'mmdet {row["mmdet"]}, '
        f'ocrnet_mmdet {row["ocrnet_mmdet"]}{" " + row["commit"] if row["commit"] else ""}. '
        for row in seen.values()
    )
    return f'{text}All runs together: {shown_time(sum(row["seconds"] or 0 for row in rows))}.'


def _settings(cell: Cell) -> str:
    """The arm's choice at these labels."""
    return ', '.join(sorted({f'{row["steps"]}, {row["lr"]:g}' for row in cell.rows.values()}))


def _spread(values: Mapping[int, float]) -> str:
    return spread(list(values.values())) if values else ''


def _difference(item: Difference | None) -> str:
    if item is None:
        return ''
    return f'{item.mean:+.1f}' + (f' ± {item.half:.1f}' if item.half is not None else '')


def _rounded(value: float | None, scale: float = 1, digits: int = 0) -> str:
    return '' if value is None else f'{scale * value:,.{digits}f}'
