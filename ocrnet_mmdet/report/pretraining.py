"""The sections of a pretraining without labels: verdict, monitors, pictures, regions."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..datasets.load_image import read_picture
from ..errors import InputError
from ..pretraining.discover import discovery_in
from ..pretraining.readiness import READY_BELOW, Readiness, readiness
from ..pretraining.regions import discover_regions
from . import curves
from .drawings import regions_of
from .finetuning import named_curves
from .sections import Figure, Picture, Section
from .work_folder import Training

REGIONS = 12  # of a picture that are drawn: more hide it
LAST = 50  # steps whose mean counts as the end, as the alarms' window


@dataclass(frozen=True)
class Monitor:
    """A measure of the log.

    Attributes:
        healthy: Least and greatest healthy value at the end; None is open.
        chance: Name of the measure that chance would have.
    """

    words: str
    healthy: tuple[float | None, float | None] | None = None
    chance: str = ''


# As docs/pretraining.md says them.
MONITORS = dict(
    box_level_ratio=Monitor('box loss over that of leaving the boxes', (None, READY_BELOW)),
    mask_level_ratio=Monitor("mask loss over the fill's entropy", (None, 0.9)),
    proposal_recall=Monitor('share of the regions that proposals cover', (0.5, None)),
    regions=Monitor('regions of a view', (5, None)),
    probe_accuracy=Monitor('accuracy of the probe', None, 'probe_chance'),
    spread=Monitor('spread of the vectors', (0.3, None)),
    rank_share=Monitor("share of the vectors' rank", (0.05, None)),
    alignment=Monitor('alignment of the vectors'),
    uniformity=Monitor('uniformity of the vectors', (None, -1)),
    retrieval=Monitor('own copy is nearest', None, 'retrieval_chance'),
    same_image=Monitor('nearest is of the same picture', None, 'same_image_chance'),
    variance_calibration=Monitor('log-variance against residual', (0.3, None)),
)


def verdict_section(training: Training) -> Section:
    """Whether it is ready to fine-tune from, and which monitors are not where they should be."""
    verdict = verdict_of(training)
    lines = [verdict.words[0].upper() + verdict.words[1:]] if verdict else []
    for name, monitor in MONITORS.items():
        if name == 'box_level_ratio' or not monitor.healthy or not (points := training.curve(name)):
            continue
        value = _end(points)
        low, high = monitor.healthy
        if low is not None and value < low:
            lines.append(f'{name} ends at {value:.2f}, healthy is above {low:g}: {monitor.words}')
        if high is not None and value > high:
            lines.append(f'{name} ends at {value:.2f}, healthy is below {high:g}: {monitor.words}')
    if not lines:
        lines = [
            'No box branch was trained, which alone tells whether it is ready: compare '
            'fine-tunings from it and from random weights'
        ]
    return Section('Is it ready?', answer=lines)


def verdict_of(training: Training) -> Readiness | None:
    """The run's own, else by the log; None where the box branch is not trained."""
    said = training.fact.get('readiness')
    if said:
        return Readiness(**said)
    weights = (training.cfg.model.get('weights') or {}) if training.cfg.get('model') else {}
    if not weights.get('boxes', 1):
        return None
    points = training.curve('box_level_ratio')
    return readiness(training.steps, _end(points) if points else None)


def _end(points: Sequence[tuple[float, float]]) -> float:
    last = points[-1][0]
    return statistics.mean(value for step, value in points if step > last - LAST)


def monitors_section(trainings: Sequence[Training]) -> Section:
    """Each monitor's curve with its healthy band, and the losses."""
    figures = []
    for name, monitor in MONITORS.items():
        drawn = named_curves(trainings, {name: ''})
        if drawn and monitor.chance:
            drawn |= named_curves(trainings[:1], {monitor.chance: 'by chance'})
        if drawn:
            svg = curves.lines(drawn, name, band=monitor.healthy)
            figures.append(Figure(svg, f'{monitor.words[0].upper()}{monitor.words[1:]}.'))
    for name, words in (('loss', 'Loss, all terms.'), ('lr', 'Learning rate.')):
        if drawn := named_curves(trainings, {name: ''}):
            figures.append(Figure(curves.lines(drawn, name), words))
    note = 'Green: where a healthy pretraining ends.' if figures else 'No step was logged.'
    return Section('Monitors', figures=figures, note=note)


def seen(training: Training) -> dict[str, str]:
    """Pictures that were seen, by name."""
    batch = training.fact.get('pictures_a_step')
    count = training.fact.get('data', {}).get('train', {}).get('pictures')
    if not batch:
        return {}
    shown = batch * training.steps
    each = f', each {shown / count:.1f} times' if count else ''
    return {'pictures seen': f'{shown:,}{each}, in two views'}


def regions_section(training: Training) -> Section:
    """What was discovered in some of the pictures."""
    settings = discovery_in(training.cfg.get('train_dataloader'))
    files = [Path(file) for file in training.fact.get('shown', [])]
    if not settings or not files:
        return Section('Discovered regions')
    shown = []
    for file in files:
        try:
            picture = read_picture(str(file))
        except InputError:  # gone since, or one of those that the run left out
            continue
        regions = discover_regions(picture, **settings)
        shown.append(
            Picture(
                [(regions_of(picture, regions, REGIONS), f'regions of {file.name}')],
                f'{file.name}: {len(regions)} regions',
            )
        )
    note = f'The best {REGIONS} of each picture, as the training saw them.'
    return Section('Discovered regions', pictures=shown, note=note if shown else '')
