"""Tables from the JSON files of a study: mean, s.d., and the paired difference with its 95 % interval."""
import json
import math
import statistics
from collections import defaultdict
from pathlib import Path

from scipy import stats

METRICS = ('bbox_mAP', 'bbox_mAP_50', 'bbox_mAP_75', 'segm_mAP')


def read_runs(folder: Path) -> list[dict]:
    """The records of a study's finished runs."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob('*.json'))]


def paired_interval(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Mean of the paired differences and half the width of its 95 % interval (Student's t)."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    n = len(differences)
    spread = stats.t.ppf(0.975, n - 1) * statistics.stdev(differences) / math.sqrt(n)
    return statistics.mean(differences), spread


def comparison_table(records: list[dict], ours: str = 'ocrnet', theirs: str = 'stock') -> str:
    """Markdown: a row for each group of runs and metric, AP in points.

    Args:
        records: Of runs that are named ``GROUP_ARM_seedN``; a group is a data set and what else its
            runs have in common.
        ours: The arm of the first column.
        theirs: The arm that it is compared with, seed by seed.
    """
    scores = _scores(records)
    rows = [f'| runs | metric | n | {ours} | {theirs} | difference (95 %) |',
            '|---|---|---|---|---|---|']
    for group, metric, arm in list(scores):
        if arm == ours and (pairs := _pairs(scores, group, metric, ours, theirs)):
            a, b = zip(*pairs)
            rows.append(f'| {group} | {metric} | {len(a)} | {_spread(a)} | {_spread(b)} | '
                        f'{_difference(a, b)} |')
    return '\n'.join(rows)


def report(table: str, out: Path) -> None:
    """Print a study's table and leave it in the study's folder."""
    (out / 'table.md').write_text(table + '\n')
    print(table, flush=True)


def arms_table(records: list[dict], base: str) -> str:
    """Markdown: a row for each group and arm, its box AP also as the difference to the arm ``base``.

    Args:
        records: Named as in :func:`comparison_table`.
    """
    scores = _scores(records)
    groups = sorted({(group, arm) for group, _, arm in scores}, key=lambda pair: (
        pair[0], -statistics.mean(scores[pair[0], 'bbox_mAP', pair[1]].values())))
    rows = [f'| runs | arm | n | {" | ".join(METRICS)} | bbox_mAP against {base} (95 %) |',
            '|---' * (len(METRICS) + 4) + '|']
    for group, arm in groups:
        pairs = _pairs(scores, group, 'bbox_mAP', arm, base)
        cells = [_spread(list(scores[group, metric, arm].values())) if (group, metric, arm) in scores
                 else '-' for metric in METRICS]
        difference = _difference(*zip(*pairs)) if pairs and arm != base else '-'
        rows.append(f'| {group} | {arm} | {len(scores[group, "bbox_mAP", arm])} | {" | ".join(cells)} | '
                    f'{difference} |')
    return '\n'.join(rows)


def _scores(records: list[dict]) -> dict[tuple[str, str, str], dict[int, float]]:
    """(group, metric, arm) -> seed -> AP in points."""
    scores = defaultdict(dict)
    for record in records:
        group, arm, _ = record['run']['name'].rsplit('_', 2)
        for metric in METRICS:
            if metric in record['scores']:
                scores[group, metric, arm][record['run']['seed']] = 100 * record['scores'][metric]
    return dict(scores)


def _pairs(scores: dict, group: str, metric: str, ours: str, theirs: str) -> list[tuple[float, float]]:
    """The scores of both arms with the same seed."""
    a, b = scores.get((group, metric, ours), {}), scores.get((group, metric, theirs), {})
    return [(a[seed], b[seed]) for seed in sorted(a.keys() & b.keys())]


def _difference(a: list[float], b: list[float]) -> str:
    if len(a) == 1:  # one pair has no interval
        return f'{a[0] - b[0]:+.1f}'
    return '{:+.1f} ± {:.1f}'.format(*paired_interval(a, b))


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'
