"""The records table of a comparison, a row a run, failed ones too."""

from __future__ import annotations

import time
from pathlib import Path

from .runs import SETTINGS
from .table import append_row, read_rows

SCORES = tuple(
    f'{kind}_mAP{part}'
    for kind in ('bbox', 'segm')
    for part in ('', '_50', '_75', '_s', '_m', '_l')
) + ('bbox_AR', 'segm_AR')
# seconds: of the run's process, to its own end. stage_seconds: of the pretraining before it.
# choice_seconds: of the runs by which its rate and length were chosen. total_seconds: of the first
# two. step_seconds: median. proposal_recall to latency_seconds and flops: of measure.py after a
# fine-tuning, which took measure_seconds, in no other column. note: why one of them is not there.
COLUMNS = (
    'data',
    'name',
    *SETTINGS,
    *SCORES,
    'by_class',
    'seconds',
    'stage_seconds',
    'choice_seconds',
    'total_seconds',
    'step_seconds',
    'parameters',
    'proposal_recall',
    'region_accuracy',
    'latency_seconds',
    'peak_mb',
    'flops',
    'measure_seconds',
    'device',
    'threads',
    'torch',
    'mmdet',
    'ocrnet_mmdet',
    'commit',
    'note',
    'error',
)
TEXT = {
    'data',
    'name',
    'kind',
    'arm',
    'start',
    'detector',
    'hash',
    'after',
    'device',
    'torch',
    'mmdet',
    'ocrnet_mmdet',
    'commit',
    'note',
    'error',
}


def append(path: Path, row: dict) -> None:
    """Add a row, whole or not at all."""
    append_row(path, COLUMNS, TEXT, row)


def read_or_set_aside(path: Path, touch: bool) -> tuple[list[dict], str]:
    """All rows; a table that is damaged or of another kind is renamed.

    Args:
        touch: Whether anything may be renamed; else it is said alone.

    Returns:
        The rows, and a line on what was set aside, or ''.
    """
    try:
        return read_rows(path, COLUMNS, TEXT), ''
    except ValueError as error:
        if not touch:
            return [], f'{path.name} is no table of this version ({error}): it will be set aside'
        aside = path.with_name(f'{path.stem}.aside-{time.strftime("%Y%m%d-%H%M%S")}{path.suffix}')
        path.rename(aside)
        return (
            [],
            f'{path.name} is no table of this version ({error}): it is set aside as {aside}, '
            'and all is run again',
        )
