"""The page: one HTML file that needs no other and no network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import html_page
from . import tables
from .answer import cells, differences, gap_shares, in_words
from .figures import all_figures
from .pictures import Shown
from .plan import Plan

TEMPLATE = Path(__file__).with_name('page.html')


def write_page(
    file: Path,
    plan: Plan,
    rows: Sequence[dict],
    outside: Mapping[str, dict],
    notes: Sequence[str],
    shown: Shown | None = None,
) -> Path:
    """Write a comparison's page, one file that needs no other.

    Args:
        rows: The last one of each run.
        outside: Scores of the plan's results.
        notes: Lines on data and plan.
        shown: Pictures under each detector; None where no run of them has ended.
    """
    return html_page.write_page(
        file,
        TEMPLATE,
        **_content(plan, rows, outside),
        notes=notes,
        shown=shown,
        written=time.strftime('%Y-%m-%d %H:%M'),
    )


def _content(plan: Plan, rows: Sequence[dict], outside: Mapping[str, dict]) -> dict:
    reference = next(iter(plan.arms))
    found = cells(plan, rows)
    compared = differences(found, reference, 'bbox_mAP')
    metrics = tables.known_metrics(found, outside)
    shares = gap_shares(found, reference, 'bbox_mAP')
    done, wanted = sum(len(cell.rows) for cell in found), len(found) * len(plan.seeds)
    return dict(
        title=f'Which start on {plan.folder.name}?'
        if not any(arm.config for arm in plan.arms.values())
        else f'Which detector on {plan.folder.name}?',
        words=in_words(found, compared, reference, 'bbox_mAP'),
        reference=reference,
        shares=shares,
        most=max((cell.labels for cell in found if cell.rows), default=0),
        unfinished=f'{done} of {wanted} fine-tunings are done: what follows is of these.'
        if done < wanted
        else '',
        drawn=all_figures(plan, found, compared, outside),
        scores=tables.scores_table(found, plan.results, outside, metrics),
        outside=list(outside),
        costs=tables.costs_table(found, plan.results),
        unmeasured=[
            f'{row["name"]}: {row["note"]}'
            for cell in found
            for row in cell.rows.values()
            if row.get('note')
        ],
        paired=tables.paired_table(found, reference, metrics, shares),
        failed=tables.failed_table(rows),
        chosen=tables.chosen_table(rows),
        classes=tables.classes_table(found, outside),
        machine=tables.machine_line(rows),
    )
