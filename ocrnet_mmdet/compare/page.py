"""The page: one HTML file that needs no other and no network."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment

from ..whole_file import whole_file
from . import figures
from .answer import Cell, Difference, cells, differences, gap_shares, in_words
from .plan import Outside, Plan
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
RUN_COLUMNS = dict(arm='arm', labels='labels', seed='seed', steps='steps', lr='rate')

TEMPLATE = Path(__file__).with_name('page.html')


def write_page(
    file: Path, plan: Plan, rows: Sequence[dict], outside: Mapping[str, dict], notes: Sequence[str]
) -> Path:
    """Write a comparison's page, one file that needs no other.

    Args:
        rows: The last one of each run.
        outside: Scores of the plan's results.
        notes: Lines on data and plan.
    """
    text = (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(TEMPLATE.read_text())
        .render(
            **_content(plan, rows, outside), notes=notes, written=time.strftime('%Y-%m-%d %H:%M')
        )
    )
    with whole_file(file) as part:
        part.write_text(text, encoding='utf-8')
    return file


def _content(plan: Plan, rows: Sequence[dict], outside: Mapping[str, dict]) -> dict:
    reference = next(iter(plan.arms))
    found = cells(plan, rows)
    compared = differences(found, reference, 'bbox_mAP')
    metrics = [
        metric
        for metric in METRICS
        if any(cell.values(metric) for cell in found)
        or any(metric in scores for scores in outside.values())
    ]
    shares = gap_shares(found, reference, 'bbox_mAP')
    done, wanted = sum(len(cell.rows) for cell in found), len(found) * len(plan.seeds)
    return dict(
        title=f'Which start on {plan.folder.name}?'
        if not any(arm.config for arm in plan.arms.values())
        else f'Which detector on {plan.folder.name}?',
        words=in_words(found, compared, reference, 'bbox_mAP'),
        reference=reference,
        shares=shares,
        unfinished=f'{done} of {wanted} fine-tunings are done: what follows is of these.'
        if done < wanted
        else '',
        drawn=_figures(plan, found, compared, outside),
        scores=_scores(found, metrics),
        paired=_paired(found, reference, metrics, shares),
        outside=_outside(plan.results, outside, metrics),
        failed=_failed(rows),
        chosen=_chosen(rows),
        classes=_classes(found, outside),
        machine=_machine(rows),
    )


def _table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> dict:
    return dict(header=header, lines=lines)


def _points(
    plan: Plan, found: Sequence[Cell], column: str, scale: float
) -> dict[str, list[tuple[float, float]]]:
    """Of each arm with runs: a column of its rows times ``scale``, and box AP times 100."""
    return {
        arm: [
            (row[column] * scale, 100 * row['bbox_mAP'])
            for cell in found
            if cell.arm == arm
            for row in cell.rows.values()
        ]
        for arm in plan.arms
        if any(cell.rows for cell in found if cell.arm == arm)
    }


def _figures(
    plan: Plan, found: Sequence[Cell], compared: Sequence[Difference], outside: Mapping[str, dict]
) -> list[dict]:
    if not any(cell.rows for cell in found):
        return []
    others = {
        name: 100 * scores['bbox_mAP'] for name, scores in outside.items() if 'bbox_mAP' in scores
    }
    timed = {
        name: (seconds / 60, ap)
        for name, ap in others.items()
        if (seconds := plan.results[name].seconds) is not None
    }
    drawn = [
        dict(
            svg=figures.by_labels(
                _points(plan, found, 'labels', 1),
                {name: (plan.results[name].labels, ap) for name, ap in others.items()},
                'box AP',
            ),
            caption='Box AP against labelled pictures: each run, mean ± s.d.',
        ),
        dict(
            svg=figures.by_time(_points(plan, found, 'total_seconds', 1 / 60), timed, 'box AP'),
            caption='Box AP against total time, the stage without labels included.',
        ),
    ]
    spans = [
        (f'{item.arm}, {item.labels}', item.mean, item.half, item.n)
        for item in compared
        if item.half is not None
    ]
    if spans:
        drawn.append(
            dict(
                svg=figures.differences(spans, 'box AP'),
                caption=f'Difference to {compared[0].reference} at the same labelled pictures. '
                'An interval over 0 shows no difference.',
            )
        )
    return drawn


def _scores(found: Sequence[Cell], metrics: Sequence[str]) -> dict:
    lines = [
        [
            cell.arm,
            cell.labels,
            len(cell.rows),
            *(_spread(cell.values(metric)) for metric in metrics),
            _settings(cell),
            *(
                _rounded(cell.mean(f'{name}seconds'))
                for name in ('stage_', '', 'total_', 'choice_')
            ),
            _rounded(cell.mean('step_seconds'), 2),
            _millions(cell.mean('parameters')),
        ]
        for cell in found
    ]
    return _table(
        [
            'arm',
            'labels',
            'n',
            *(METRICS[metric] for metric in metrics),
            'steps, rate',
            'stage s',
            'fine-tuning s',
            'total s',
            'choice s',
            's a step',
            'M parameters',
        ],
        lines,
    )


def _paired(
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


def _outside(
    given: Mapping[str, Outside], outside: Mapping[str, dict], metrics: Sequence[str]
) -> dict:
    lines = [
        [
            name,
            given[name].labels or '',
            *(f'{100 * scores[m]:.1f}' if m in scores else '' for m in metrics),
            _rounded(given[name].seconds),
        ]
        for name, scores in outside.items()
    ]
    return _table(
        ['detector', 'labels', *(METRICS[metric] for metric in metrics), 'stated s'], lines
    )


def _failed(rows: Sequence[dict]) -> dict:
    return _table(['run', 'why'], [[row['name'], row['error']] for row in rows if row['error']])


def _chosen(rows: Sequence[dict]) -> dict:
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


def _classes(found: Sequence[Cell], outside: Mapping[str, dict]) -> dict:
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


def _machine(rows: Sequence[dict]) -> str:
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


def _rounded(value: float | None, digits: int = 0) -> str:
    return '' if value is None else f'{value:,.{digits}f}'


def _millions(value: float | None) -> str:
    return '' if value is None else f'{value / 1e6:.1f}'
