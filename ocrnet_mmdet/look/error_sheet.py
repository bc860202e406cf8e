"""A detector's mistakes beside the truth, the worst pictures first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.structures import InstanceData

from ..canvas import PALETTE, draw_box, enlarged, legible, tag_all
from ..datasets.load_image import read_picture
from ..errors import require
from .detector import classes_of, load_detector, see
from .labelled import Labelled, labelled_pictures
from .mistakes import (
    BADLY_PLACED,
    DOUBLE,
    FALSE_ALARM,
    FOUND,
    IGNORED,
    KINDS,
    MISSED,
    MISTAKES,
    WRONG_CLASS,
    Judged,
    judge,
)
from .sheet import SIDE, captioned, contact_sheet

COLOURS = dict(zip(KINDS, PALETTE))  # what is found is green, a false alarm red
MEANINGS = {
    FOUND: 'found',
    MISSED: 'missed object',
    FALSE_ALARM: 'false alarm',
    WRONG_CLASS: 'wrong class',
    BADLY_PLACED: 'badly placed (IoU 0.1 to 0.5)',
    DOUBLE: 'double of a found object',
}


@dataclass
class Page:
    """A picture, what it holds, what was found in it and what that is worth."""

    truth: Labelled
    found: InstanceData
    judged: Judged

    @property
    def mistakes(self) -> int:
        """How many of all kinds."""
        return sum(self.judged.count(kind) for kind in MISTAKES)


def draw_errors(
    checkpoint: str, labels: str | None, pictures: str | None, score: float, most: int
) -> tuple[np.ndarray, list[str]]:
    """A sheet of the ``most`` pictures with most mistakes, and lines of counts.

    Args:
        labels: COCO JSON; None takes the val data of the detector's config.
        pictures: Folder of its pictures; None takes that of the val data.
        score: Least score of a detection that counts.

    Raises:
        InputError: Checkpoint, labels or a picture cannot be used.
    """
    require('--score', score, low=0, high=1)
    model = load_detector(checkpoint)
    classes = classes_of(model)
    pages = []
    for truth in labelled_pictures(model.cfg, classes, labels, pictures):
        found = see(model, truth.path).found.cpu().numpy()
        pages.append(judged_page(truth, found[found.scores >= score]))
    worst = sorted(pages, key=lambda page: -page.mistakes)[:most]
    panels = [_panel(page, classes) for page in worst]
    objects = sum(int((~page.truth.crowd).sum()) for page in pages)
    total = {kind: sum(page.judged.count(kind) for page in pages) for kind in KINDS}
    counts = ', '.join(f'{count} {kind}' for kind, count in total.items())
    title = (
        f'{len(pages)} pictures, {objects} objects, detections of score >= {score:g}: {counts}. '
        f'The {len(worst)} pictures with most mistakes; '
        'dashed boxes are objects that nothing found rightly, others detections'
    )
    legend = {MEANINGS[kind]: COLOURS[kind] for kind in KINDS}
    lines = [f'{len(pages)} pictures, {objects} objects: {counts}', *_by_class(pages, classes)]
    return contact_sheet(panels, title, legend), lines


def judged_page(truth: Labelled, found: InstanceData) -> Page:
    """Judge one picture's detections, numpy arrays."""
    judged = judge(found.bboxes, found.labels, found.scores, truth.boxes, truth.labels, truth.crowd)
    return Page(truth, found, judged)


def draw_page(image: np.ndarray, page: Page, classes: tuple[str, ...]) -> np.ndarray:
    """The picture with every mistake in its colour; what is right lies below."""
    canvas, factor = enlarged(image, SIDE)
    judged, found, truth = page.judged, page.found, page.truth
    order = sorted(range(len(found)), key=lambda i: judged.kinds[i] != FOUND)
    recognised = {judged.objects[i] for i in order if judged.kinds[i] == FOUND}
    for i in order:
        kind, about = judged.kinds[i], judged.objects[i]
        if kind == IGNORED:
            continue
        if kind in (WRONG_CLASS, BADLY_PLACED) and about not in recognised:
            draw_box(canvas, truth.boxes[about] * factor, COLOURS[kind], 2, dashed=True)
        draw_box(canvas, found.bboxes[i] * factor, COLOURS[kind])
    for box in truth.boxes[judged.missed]:
        draw_box(canvas, box * factor, COLOURS[MISSED], 2, dashed=True)
    wrong = [i for i in order if judged.kinds[i] not in (FOUND, IGNORED)]
    tag_all(
        canvas,
        np.concatenate([found.bboxes[wrong], truth.boxes[judged.missed]]) * factor,
        [_text(page, i, classes) for i in wrong]
        + [legible(classes[label], label) for label in truth.labels[judged.missed]],
        [COLOURS[judged.kinds[i]] for i in wrong] + [COLOURS[MISSED]] * int(judged.missed.sum()),
    )
    return canvas


def _text(page: Page, i: int, classes: tuple[str, ...]) -> str:
    label, about = page.found.labels[i], page.judged.objects[i]
    text = f'{legible(classes[label], label)} {page.found.scores[i]:.2f}'
    if page.judged.kinds[i] != WRONG_CLASS:
        return text
    true = page.truth.labels[about]
    return f'{text}, is {legible(classes[true], true)}'


def _panel(page: Page, classes: tuple[str, ...]) -> np.ndarray:
    counts = {kind: page.judged.count(kind) for kind in KINDS}
    said = ', '.join(f'{count} {kind}' for kind, count in counts.items() if count)
    image = draw_page(read_picture(page.truth.path), page, classes)
    return captioned(image, f'{Path(page.truth.path).name}: {said or "no object"}')


def _by_class(pages: list[Page], classes: tuple[str, ...]) -> list[str]:
    """A line a class: of its objects found and missed, of its detections the mistakes."""
    counts: Counter[tuple[int, str]] = Counter()
    for page in pages:
        counts.update(zip(page.found.labels.tolist(), page.judged.kinds))
        counts.update((int(label), MISSED) for label in page.truth.labels[page.judged.missed])
    return [
        f'{name}: ' + ', '.join(f'{counts[i, kind]} {kind}' for kind in KINDS)
        for i, name in enumerate(classes)
    ]
