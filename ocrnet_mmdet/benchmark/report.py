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
    """Markdown: a row for each data set and metric, AP in points."""
    scores = defaultdict(dict)  # (data, metric, arm) -> seed -> AP in points
    for record in records:
        arm = record['run']['name'].split('_')[-2]
        for metric in METRICS:
            if metric in record['scores']:
                scores[record['run']['data'], metric, arm][record['run']['seed']] = (
                    100 * record['scores'][metric])
    rows = ['| data | metric | n | OCRNet | stock | difference (95 %) |', '|---|---|---|---|---|---|']
    for data, metric, arm in list(scores):
        if arm != ours:
            continue
        seeds = sorted(scores[data, metric, ours].keys() & scores[data, metric, theirs].keys())
        if len(seeds) < 2:  # one pair has no interval
            continue
        a, b = [[scores[data, metric, name][seed] for seed in seeds] for name in (ours, theirs)]
        mean, half = paired_interval(a, b)
        rows.append(f'| {data} | {metric} | {len(seeds)} | {_spread(a)} | {_spread(b)} | '
                    f'{mean:+.1f} ± {half:.1f} |')
    return '\n'.join(rows)


def _spread(values: list[float]) -> str:
    return f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'
