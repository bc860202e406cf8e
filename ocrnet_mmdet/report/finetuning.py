"""The sections of a training with labels, of one or of two beside each other."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np

from ..compare.tables import METRICS
from ..evaluation.matching import IOU, SCORE
from . import curves
from .detections import Detections, Pairs
from .drawings import picture_name, telling, truth_and_found
from .sections import Figure, Picture, Section, Table, percent
from .work_folder import Training

PARTS = {
    'mAP': 'AP',
    'mAP_50': 'AP50',
    'mAP_75': 'AP75',
    'mAP_s': 'small',
    'mAP_m': 'medium',
    'mAP_l': 'large',
    'AR': 'AR',
}
KINDS = dict(bbox='box', segm='mask')
TOP = 10  # classes whose curves are drawn
MATRIX = 20  # classes; of more the most confused pairs are listed
PICTURES = 3  # of the best, the median and the worst each


def curves_section(trainings: Sequence[Training]) -> Section:
    """Losses, rate and val AP against steps."""
    figures = []
    single = {
        name: points
        for name in dict.fromkeys(n for row in trainings[0].train.values() for n in row)
        if 'loss' in name and name != 'loss' and (points := trainings[0].curve(name))
    }
    if len(trainings) == 1 and single:
        figures.append(
            Figure(curves.lines(single, 'loss'), 'Losses of the training, term by term.')
        )
    for name, words in (('loss', 'loss, all terms'), ('lr', 'learning rate')):
        of_each = named_curves(trainings, {name: ''})
        if of_each:
            figures.append(Figure(curves.lines(of_each, words), f'{words.capitalize()}.'))
    shown = METRICS if len(trainings) == 1 else {'bbox_mAP': 'box AP', 'segm_mAP': 'mask AP'}
    scored = named_curves(trainings, {f'coco/{metric}': name for metric, name in shown.items()})
    if scored:
        x = 'step' if trainings[0].planned else 'epoch'
        scored = {name: [(s, 100 * ap) for s, ap in points] for name, points in scored.items()}
        figures.append(Figure(curves.lines(scored, 'AP', x), 'AP on the val pictures.'))
    elif any(t.train for t in trainings):
        return Section('Curves', figures=figures, note='No validation was logged.')
    return Section('Curves', figures=figures)


def named_curves(
    trainings: Sequence[Training], names: dict[str, str]
) -> dict[str, list[tuple[float, float]]]:
    """Curves of scalars by the names to show, the training's before it where there are two."""
    several = len(trainings) > 1
    found = {
        ', '.join(part for part in (t.name if several else '', words) if part): t.curve(name)
        for t in trainings
        for name, words in names.items()
    }
    return {name: points for name, points in found.items() if points}


def scores_section(
    trainings: Sequence[Training], data: Sequence[Detections | None], same: bool = True
) -> Section:
    """All scores of the last validation; of two the difference too.

    Args:
        same: Whether both were scored on the same labels.
    """
    of_each = [_logged(t) | (each.scores if each else {}) for t, each in zip(trainings, data)]
    kinds = [kind for kind in KINDS if any(f'{kind}_mAP' in scores for scores in of_each)]
    if not kinds:
        return Section('Scores', note='No validation was scored, so there are no scores.')
    names = [t.name for t in trainings] if len(trainings) > 1 else ['']
    lines = [
        [f'{KINDS[kind]}, {name}'.strip(', '), *(percent(s.get(f'{kind}_{p}')) for p in PARTS)]
        for kind in kinds
        for name, s in zip(names, of_each)
    ]
    lines += [
        [f'{KINDS[kind]}, difference', *(_gain(of_each, f'{kind}_{p}') for p in PARTS)]
        for kind in kinds
        if len(of_each) > 1 and same
    ]
    counted = (
        'Counted up to 1,000 detections of a picture and class. By size as logged: small is below '
        '32 x 32 px, large from 96 x 96 px on.'
        if any(data)
        else 'As logged: no detections of it were kept, or its labels are gone.'
    )
    if not same:
        counted += ' The two were not scored on the same labels, so no difference is given.'
    note = f"pycocotools' figures, times 100, of the last weights, not of the best ones. {counted}"
    return Section('Scores', tables=[Table(['', *PARTS.values()], lines)], note=note)


def _logged(training: Training) -> dict[str, float]:
    last = training.val[max(training.val)] if training.val else {}
    names = [f'{kind}_{part}' for kind in KINDS for part in PARTS]
    return {name: last[f'coco/{name}'] for name in names if last.get(f'coco/{name}', -1) >= 0}


def _gain(of_each: Sequence[dict], name: str) -> str:
    """The second's minus the first's."""
    first, second = (scores.get(name) for scores in of_each)
    return '' if first is None or second is None else percent(second - first, signed=True)


def classes_section(trainings: Sequence[Training], data: Sequence[Detections]) -> Section:
    """AP, AP50 and AP75 of each class; of two trainings AP and its difference."""
    first, kinds = data[0], [kind for kind in KINDS if all(kind in d.by_class for d in data)]
    order = sorted(first.names, key=lambda category: -first.objects[category])
    if len(data) > 1:
        parts = [*(f'AP, {t.name}' for t in trainings), 'difference']
    else:
        parts = ['AP', 'AP50', 'AP75']
    header = ['class', 'objects', *(f'{KINDS[kind]} {part}' for kind in kinds for part in parts)]
    lines = [
        [
            first.names[category],
            f'{first.objects[category]:,}',
            *(cell for kind in kinds for cell in _class_cells(data, kind, category)),
        ]
        for category in order
    ]
    drawn = [] if len(data) > 1 else _recall_curves(first, kinds, order)
    return Section('By class', tables=[Table(header, lines)], figures=drawn)


def _class_cells(data: Sequence[Detections], kind: str, category: int) -> list[str]:
    values = [each.by_class[kind][category].values for each in data]
    if len(values) == 1:
        return list(map(percent, values[0]))
    (first, *_), (second, *_) = values
    return [percent(first), percent(second), percent(second - first, signed=True)]


def _recall_curves(data: Detections, kinds: Sequence[str], order: Sequence[int]) -> list[Figure]:
    shown = [category for category in order if data.objects[category]][:TOP]
    recalls = np.linspace(0, 1, 101).tolist()
    most = f', the {TOP} classes with the most objects' if len(order) > TOP else ''
    figures = []
    for kind in kinds if shown else ():
        series = {
            data.names[category]: list(
                zip(recalls, data.by_class[kind][category].precision.tolist())
            )
            for category in shown
        }
        svg = curves.lines(series, 'precision', 'recall', limits=(0.0, 1.0))
        words = f'Precision against recall, {KINDS[kind]} IoU {IOU}{most}.'
        figures.append(Figure(svg, words))
    return figures


def confusion_section(data: Detections) -> Section:
    """What objects were found as; of many classes the commonest errors."""
    names = [*data.names.values()]
    matrix = data.confusion()
    note = (
        f'Detections of score {SCORE} and more; each has found the object that its box overlaps '
        f'most, by an IoU of at least {IOU}.'
    )
    if len(names) <= MATRIX:
        table = Table(
            ['it is, found as', *names, 'missed'],
            [
                [name, *((str(n), n / max(row.sum(), 1)) for n in row)]
                for name, row in zip(names, matrix)
            ]
            + [['nothing', *(str(n) for n in matrix[-1][:-1]), '']],
        )
    else:
        header = ['it is', 'found as', 'times', 'of its objects']
        table = Table(header, _most_confused(matrix, names), text=(1,))
    return Section('What was taken for what', tables=[table], note=note)


def _most_confused(matrix: np.ndarray, names: Sequence[str]) -> list[list[str]]:
    """Of two classes, the commonest first."""
    wrong = matrix[:-1, :-1] * (1 - np.eye(len(names), dtype=int))
    places = np.argsort(-wrong, axis=None, kind='stable')[:MATRIX]
    return [
        [names[i], names[j], str(wrong[i, j]), f'{wrong[i, j] / matrix[i].sum():.0%}']
        for i, j in zip(*np.unravel_index(places, wrong.shape))
        if wrong[i, j]
    ]


def pictures_section(data: Detections) -> Section:
    """The best, the median and the worst val pictures."""
    shown = [
        Picture(
            list(zip(truth_and_found(data, pairs), ('labels', 'detections'))),
            f'{rank}, {pairs.quality:.2f}: {_counts(pairs)} ({picture_name(data, pairs)})',
        )
        for rank, pairs in telling(data.pairs, PICTURES)
    ]
    return Section(
        'Val pictures, from best to worst',
        pictures=shown,
        note='Left the labels, green where they were found. Right the detections of score '
        f'{SCORE} and more, green where they are right (IoU {IOU}, the right class). The number: '
        'sum of the IoU of the right ones, over the mean count of labels and detections.',
    )


def _counts(pairs: Pairs) -> str:
    right = sum(map(pairs.is_right, pairs.pairs))
    return f'{right} of {len(pairs.truth)} found, {len(pairs.found) - right} wrong'


def changes_section(trainings: Sequence[Training], data: Sequence[Detections]) -> Section:
    """The val pictures that came out most differently in two trainings."""
    first, second = data
    before = {pairs.image_id: pairs for pairs in first.pairs}
    both = [(before[p.image_id], p) for p in second.pairs if p.image_id in before]
    both.sort(key=lambda pair: pair[1].quality - pair[0].quality)
    most = min(PICTURES, len(both) // 2)
    shown = []
    for a, b in [*both[::-1][:most], *both[:most]]:
        if abs(b.quality - a.quality) < 0.005:
            continue
        truth, found_first = truth_and_found(first, a)
        _, found_second = truth_and_found(second, b)
        names = ('labels', *(t.name for t in trainings))
        shown.append(
            Picture(
                list(zip((truth, found_first, found_second), names)),
                f'{a.quality:.2f} and {b.quality:.2f} ({picture_name(first, a)}). '
                f'{trainings[0].name}: {_counts(a)}. {trainings[1].name}: {_counts(b)}.',
            )
        )
    note = 'Those that gained most and those that lost most. '
    return Section('Val pictures that changed most', pictures=shown, note=note if shown else '')


def next_section(training: Training) -> Section:
    """What one does with a detector, as commands."""
    folder = shlex.quote(str(training.folder))
    lines = [
        ['detect objects in pictures', f'tools/predict.py {folder} PICTURES/ --out found/'],
        ['see every mistake', f'tools/look.py errors {folder} --out errors.png'],
        [
            'name the pictures to label next',
            f'tools/predict.py {folder} PICTURES/ --suggest 20 --out suggested/',
        ],
        ['run it without torch', f'tools/export.py {folder} --out model.onnx'],
    ]
    rows = [[what, f'python {command}'] for what, command in lines]
    return Section('What next', tables=[Table(['to', 'in the project'], rows, text=(0, 1))])
