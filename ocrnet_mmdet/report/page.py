"""A training's report, or two trainings side by side: one HTML file that needs no other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..html_page import write_page
from . import finetuning, pretraining
from .detections import read_detections
from .hook import REPORT
from .sections import Section
from .settings import settings, side_by_side, times, unfinished
from .work_folder import Training, read_training

TEMPLATE = Path(__file__).with_name('report.html')


def write_report(folder: Path, file: Path | None = None) -> Path:
    """Write a training's page.

    Args:
        folder: The training's work folder.
        file: The page, by default ``report.html`` in the folder.

    Raises:
        InputError: The folder holds no training.
        OSError: The page cannot be written.
    """
    training = read_training(folder)
    sections = _pretraining(training) if training.without_labels else _finetuning(training)
    title = 'Training without labels' if training.without_labels else 'Training'
    return _write(file or folder / REPORT, f'{title}: {training.name}', [training], sections)


def write_side_by_side(folders: Sequence[Path], file: Path | None = None) -> Path:
    """Write the page of two trainings of one kind.

    Args:
        file: The page, by default ``report_beside_A.html`` in the second folder.

    Raises:
        InputError: A folder holds no training, or one is without labels and the other is not.
        OSError: The page cannot be written.
    """
    trainings = told_apart([read_training(folder) for folder in folders])
    first, second = trainings
    if first.without_labels != second.without_labels:
        one = folders[0] if first.without_labels else folders[1]
        raise InputError(
            f'{one} holds a training without labels, the other folder one with labels: '
            'name two of a kind'
        )
    several = _two_pretrainings if first.without_labels else _two_finetunings
    place = file or folders[1] / f'report_beside_{first.folder.resolve().name}.html'
    return _write(place, f'{first.name} and {second.name}', trainings, several(trainings))


def told_apart(trainings: Sequence[Training]) -> list[Training]:
    """The same, by more of their folders' paths where the names alone are equal."""
    parts = [training.folder.resolve().parts for training in trainings]
    length = 1
    while length < max(map(len, parts)) and len({p[-length:] for p in parts}) < len(parts):
        length += 1
    return [replace(t, name='/'.join(p[-length:])) for t, p in zip(trainings, parts)]


def _finetuning(training: Training) -> list[Section]:
    data = read_detections(training)
    scored = (
        [
            finetuning.classes_section([training], [data]),
            finetuning.confusion_section(data),
            finetuning.pictures_section(data),
        ]
        if data
        else []
    )
    return [
        finetuning.scores_section([training], [data]),
        finetuning.curves_section([training]),
        *scored,
        *_frame([training]),
        finetuning.next_section(training),
    ]


def _two_finetunings(trainings: Sequence[Training]) -> list[Section]:
    data = [read_detections(training) for training in trainings]
    known = [each for each in data if each]
    same = len(known) == 2 and known[0].labels() == known[1].labels()
    compared = (
        [
            finetuning.classes_section(trainings, known),
            finetuning.changes_section(trainings, known),
        ]
        if same
        else []
    )
    return [
        finetuning.scores_section(trainings, data, same),
        finetuning.curves_section(trainings),
        *compared,
        *_frame(trainings),
    ]


def _pretraining(training: Training) -> list[Section]:
    return [
        pretraining.verdict_section(training),
        pretraining.monitors_section([training]),
        pretraining.regions_section(training),
        *_frame([training]),
    ]


def _two_pretrainings(trainings: Sequence[Training]) -> list[Section]:
    verdicts = [
        Section(f'{section.title[:-1]}: {training.name}', answer=section.answer)
        for training in trainings
        for section in [pretraining.verdict_section(training)]
    ]
    return [*verdicts, pretraining.monitors_section(trainings), *_frame(trainings)]


def _frame(trainings: Sequence[Training]) -> list[Section]:
    """What every page ends with."""
    with_seen = [settings(t) | (pretraining.seen(t) if t.without_labels else {}) for t in trainings]
    return [
        side_by_side('What was trained on what', trainings, with_seen),
        side_by_side('Time and memory', trainings, [times(t) for t in trainings]),
    ]


def _write(
    file: Path, title: str, trainings: Sequence[Training], sections: Sequence[Section]
) -> Path:
    notes = [f'{unfinished(t)} ({t.name}).' for t in trainings if unfinished(t)]
    return write_page(
        file,
        TEMPLATE,
        title=title,
        notes=notes,
        sections=[section for section in sections if section],
        written=time.strftime('%Y-%m-%d %H:%M'),
    )
