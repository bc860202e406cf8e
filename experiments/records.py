"""The table of runs, a row a run: its settings, what came out, and on what machine.

A CSV with COLUMNS, of ocrnet_mmdet.compare.table's kind.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ocrnet_mmdet.compare.table import append_line, append_row, read_rows

ROOT = Path(__file__).resolve().parents[1]
RECORDS = Path(__file__).with_name('records.csv')  # of all runs that README.md and docs/ quote


@dataclass(frozen=True)
class Run:
    """The settings of a run; two with the same ones are the same run.

    Args:
        kind: ``pretraining``, ``tuning`` (a rate of the grid), ``fine-tuning``, ``scoring`` (a
            fine-tuning's last checkpoint under other options), ``recall``, ``cost``, ``speed``,
            ``listing``, ``suggesting`` (a round of labelling) or ``first`` (the first pictures to
            label).
        data: A name in ``DATA_SETS``.
        labels: Percent of the training pictures with labels; None takes the data set's own JSON.
        config: Config file, as seen from the repository.
        options: Further config overrides, or the arguments of a measurement.
        scored_on: ``val``; ``held_out``: training pictures that no run of the study is trained on;
            ``trained``: the pictures of the training themselves.
        augment: False trains on the pictures as they are scored.
        size: Longest side of the pictures, pixels; None takes the data set's.
        start: ``STUDY/NAME`` of the pretraining, or of the training to score.
        batch: Pictures of a pretraining's step; each is seen in two views.
        control: A kind of ``OCRNetControlRegions`` in the place of a pretraining's regions.
        folders: Further pictures of a pretraining, below the data root. Its views then show the
            share of a picture that the config says, and regions are as fine as it says.
    """

    study: str
    kind: str
    data: str = ''
    arm: str = ''
    labels: int | None = None
    steps: int | None = None
    lr: float | None = None
    seed: int | None = None
    config: str = ''
    options: dict | None = None
    scored_on: str = ''
    augment: bool | None = None
    size: int | None = None
    start: str = ''
    batch: int | None = None
    control: str = ''
    folders: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """Unique among the study's runs of a kind."""
        if self.kind == 'pretraining':
            parts = [self.data, self.arm]
        elif self.kind == 'tuning':
            parts = [self.data, self.arm, f'lr{self.lr:g}']
        else:
            seed = None if self.seed is None else f'seed{self.seed}'
            parts = [self.data, self.labels, self.arm, self.steps, seed]
        return '_'.join(str(part) for part in parts if part not in (None, '')) or self.kind


SETTINGS = tuple(field.name for field in fields(Run))
SCORES = tuple(
    f'{kind}_mAP{part}'
    for kind in ('bbox', 'segm')
    for part in ('', '_50', '_75', '_s', '_m', '_l')
)
# measured: what a pretraining's monitors said last, a fine-tuning's scores by class, or the result
# of a measurement. step_seconds: the median of a training's steps. error: why a run failed. note:
# what else was recorded.
COLUMNS = (
    'study',
    'kind',
    'name',
    *SETTINGS[2:],
    *SCORES,
    'measured',
    'seconds',
    'step_seconds',
    'parameters',
    'device',
    'torch',
    'threads',
    'commit',
    'error',
    'note',
)
TEXT = {
    'study',
    'kind',
    'name',
    'data',
    'arm',
    'config',
    'scored_on',
    'start',
    'control',
    'device',
    'torch',
    'commit',
    'error',
    'note',
}
CURVES = 'curves.csv'  # beside the records: what the monitors said of pretrainings, for the figure
MONITORS = ('box_level_ratio', 'mask_level_ratio', 'proposal_recall')


def read(path: Path) -> list[dict]:
    """All whole rows.

    Raises:
        ValueError: The file has other columns.
    """
    return read_rows(path, COLUMNS, TEXT)


def append(path: Path, row: dict) -> None:
    """Add a row, whole or not at all.

    Raises:
        ValueError: It has a column of another name.
    """
    append_row(path, COLUMNS, TEXT, row)


def append_curve(path: Path, run: Run, lines: list[dict]) -> None:
    """Keep what the figure shows of a pretraining's log; its lines have a step and MONITORS."""
    for line in lines:
        append_line(
            path,
            ('study', 'name', 'data', 'step', *MONITORS),
            [
                run.study,
                run.name,
                run.data,
                line['step'],
                *(round(line[name], 4) if name in line else '' for name in MONITORS),
            ],
        )


def row_of(run: Run, **results) -> dict:
    """A run's row."""
    return dict(asdict(run), name=run.name, **results)


def identity(settings: dict) -> str:
    """The same for a run and for its row, and for no other run."""
    return json.dumps([settings[name] for name in SETTINGS], sort_keys=True)


def finished(rows: list[dict], run: Run) -> dict | None:
    """The run's row, if it came to its end."""
    wanted = identity(asdict(run))
    return next((row for row in rows if not row['error'] and identity(row) == wanted), None)
