"""Tables of arms: mean ± s.d. of their runs, and differences of pairs with the same seed."""

import statistics

from experiments.cells import METRICS, by_seed, each, finetunings, in_order, markdown, percent
from ocrnet_mmdet.compare.statistics import difference, spread


def comparison(rows: list[dict], ours: str, theirs: tuple[str, ...]) -> str:
    """A row for each data set, percent of the labels, length and metric.

    Only the runs count that have a partner with the same seed in every other arm.
    """
    a, *others = [finetunings(rows, arm) for arm in (ours, *theirs)]
    names = [arm.split('/')[1] for arm in (ours, *theirs)]
    lines = []
    for data, labels, steps in sorted(a, key=in_order):
        for metric, title in METRICS.items():
            values = [
                by_seed(cells.get((data, labels, steps), []), metric) for cells in (a, *others)
            ]
            seeds = sorted(set.intersection(*map(set, values)))
            if seeds:
                first, *rest = [[arm[seed] for seed in seeds] for arm in values]
                lines.append(
                    [
                        data,
                        percent(labels),
                        f'{steps:,}',
                        title,
                        len(seeds),
                        *map(spread, (first, *rest)),
                        *(difference(first, b) for b in rest),
                    ]
                )
    return markdown(
        [
            'data',
            'labels',
            'steps',
            'metric',
            'n',
            *names,
            *(f'{names[0]} - {name}' for name in names[1:]),
        ],
        lines,
    )


def equal_time(rows: list[dict]) -> str:
    """The long pretrained runs against the random starts that had as much time in all."""
    random = [row for row in rows if row['study'] == 'equal_time']
    lines = []
    for data, labels in sorted({(row['data'], row['labels']) for row in random}):
        theirs = [row for row in random if (row['data'], row['labels']) == (data, labels)]
        cells = finetunings(rows, 'main_table/pretrained')
        long = max(steps for *cell, steps in cells if cell == [data, labels])
        for metric, title in METRICS.items():
            a, b = by_seed(cells[data, labels, long], metric), by_seed(theirs, metric)
            if seeds := sorted(a.keys() & b.keys()):
                a, b = [[arm[seed] for seed in seeds] for arm in (a, b)]
                lengths = [f'{steps:,}' for steps in sorted(row['steps'] for row in theirs)]
                lines.append(
                    [
                        data,
                        percent(labels),
                        title,
                        len(seeds),
                        '; '.join(lengths),
                        spread(a),
                        spread(b),
                        difference(a, b),
                    ]
                )
    return markdown(
        ['data', 'labels', 'metric', 'n', 'random steps', 'pretrained', 'random', 'difference'],
        lines,
    )


def arms(rows: list[dict], study: str, base: str) -> str:
    """A row for each data set and arm, its box AP also as the difference to the arm ``base``.

    An arm's minutes are those of its pretraining.
    """
    runs = [row for row in rows if (row['study'], row['kind']) == (study, 'fine-tuning')]
    minutes = {
        (row['study'], row['name']): row['seconds'] / 60
        for row in rows
        if row['kind'] == 'pretraining'
    }
    cells = {(row['data'], row['arm']): [] for row in sorted(runs, key=lambda row: row['data'])}
    for row in runs:
        cells[row['data'], row['arm']].append(row)
    lines = []
    for (data, arm), found in cells.items():
        ours, theirs = [by_seed(part, 'bbox_mAP') for part in (found, cells.get((data, base), []))]
        seeds = sorted(ours.keys() & theirs.keys()) if arm != base else []
        scores = [by_seed(found, metric) for metric in METRICS]
        taken = minutes.get(tuple(found[0]['start'].split('/')))
        gap = difference([ours[s] for s in seeds], [theirs[s] for s in seeds]) if seeds else ''
        lines.append(
            [
                data,
                arm,
                len(found),
                *(spread(list(s.values())) if s else '' for s in scores),
                gap,
                '' if taken is None else f'{taken:.0f}',
                each(ours),
            ]
        )
    return markdown(
        ['data', 'arm', 'n', *METRICS.values(), f'box AP - {base}', 'minutes', 'box AP by seed'],
        lines,
    )


def more_labels(rows: list[dict]) -> str:
    """The random starts' scores after their longest training, by the share of the labels."""
    cells = finetunings(rows, 'main_table/random')
    longest = {data: max(steps for d, _, steps in cells if d == data) for data, *_ in cells}
    return markdown(
        ['data', 'labels', 'metric', 'n', 'random', 'by seed'],
        [
            [
                data,
                percent(labels),
                METRICS[metric],
                len(scores),
                spread(list(scores.values())),
                each(scores),
            ]
            for data, labels, steps in sorted(cells, key=in_order)
            if steps == longest[data]
            for metric in ('bbox_mAP', 'segm_mAP')
            if (scores := by_seed(cells[data, labels, steps], metric))
        ],
    )


def detectors(rows: list[dict]) -> str:
    """A row an arm of a comparison by tools/compare.py; differences to the first arm, by seed."""
    cells: dict[str, list[dict]] = {}
    for row in rows:
        if row['kind'] == 'fine-tuning' and not row['error']:
            cells.setdefault(row['arm'], []).append(row)
    if not cells:
        return ''
    reference = by_seed(next(iter(cells.values())), 'bbox_mAP')
    lines = []
    for arm, runs in cells.items():
        box = by_seed(runs, 'bbox_mAP')
        seeds = sorted(box.keys() & reference.keys())
        lines.append(
            [
                arm,
                len(runs),
                f'{runs[0]["lr"]:g}',
                *(
                    spread(list(by_seed(runs, metric).values())) if by_seed(runs, metric) else ''
                    for metric in ('bbox_mAP', 'bbox_mAP_50', 'bbox_mAP_75', 'proposal_recall')
                ),
                ''
                if arm == next(iter(cells))
                else difference([box[seed] for seed in seeds], [reference[seed] for seed in seeds]),
                f'{statistics.mean(row["seconds"] for row in runs):.0f}',
                f'{1000 * statistics.median(row["latency_seconds"] for row in runs):.0f}',
                f'{runs[0]["parameters"] / 1e6:.1f}',
            ]
        )
    return markdown(
        [
            'arm',
            'n',
            'rate',
            'box AP',
            'AP50',
            'AP75',
            "proposals' AR",
            'box AP - the first arm',
            'seconds',
            'ms a picture',
            'parameters, M',
        ],
        lines,
    )


def chosen_pictures(rows: list[dict], study: str, arm: str) -> str:
    """A row for each data set: an arm that chooses pictures to label, against random choice."""
    rows = [row for row in rows if row['study'] == study]
    lines = []
    for data in dict.fromkeys(row['data'] for row in rows):
        ours, theirs = [
            {row['seed']: row for row in rows if (row['data'], row['arm']) == (data, name)}
            for name in (arm, 'random')
        ]
        seeds = sorted(ours.keys() & theirs.keys())
        scores = [by_seed([part[s] for s in seeds], 'bbox_mAP') for part in (theirs, ours)]
        objects = [
            ', '.join(str(part[s]['measured']['objects']) for s in seeds) for part in (theirs, ours)
        ]
        gap = difference(*[[score[s] for s in seeds] for score in reversed(scores)])
        lines.append([data, len(seeds), *map(each, scores), gap, *objects])
    header = ['data', 'n', 'random', arm, f'{arm} - random', 'objects, random', f'objects, {arm}']
    return markdown(header, lines)
