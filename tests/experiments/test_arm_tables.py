import numpy as np
import pytest
from scipy import stats

from experiments.arm_tables import arms, comparison, detectors
from experiments.cells import METRICS
from experiments.records import RECORDS, Run, append, read, row_of
from ocrnet_mmdet.compare.statistics import paired_interval


def rows_of(tmp_path, *runs):
    """(arm, seed, AP) each, as rows that were read."""
    for arm, seed, ap, *settings in runs:
        run = Run('study', 'fine-tuning', 'bccd', arm, 10, 300, 1e-3, seed, **dict(*settings))
        append(tmp_path / 'r.csv', row_of(run, bbox_mAP=ap))
    return read(tmp_path / 'r.csv')


def test_interval_is_scipys_paired_t_interval():
    ours, theirs = [30.0, 33.0, 31.5, 36.0], [25.0, 29.0, 28.5, 26.0]
    mean, half = paired_interval(ours, theirs)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    np.testing.assert_allclose([mean - half, mean + half], expected)


@pytest.mark.parametrize(
    ('study', 'ours', 'theirs'),
    [
        ('main_table', 'pretrained', 'random'),
        ('against_stock', 'ocrnet', 'stock'),
        ('any_detector', 'pretrained', 'random'),
    ],
)
def test_kept_records_give_the_means_and_intervals_of_scipy(study, ours, theirs):
    rows = read(RECORDS)
    lines = comparison(rows, f'{study}/{ours}', (f'{study}/{theirs}',)).splitlines()[2:]
    assert lines
    for line in lines:
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        data, labels, steps, title, n, first, second, gap = cells
        metric = {title: metric for metric, title in METRICS.items()}[title]
        percent = None if labels == 'all' else int(labels.split()[0])
        found = [
            {
                row['seed']: 100 * row[metric]
                for row in rows
                if row['kind'] == 'fine-tuning'
                and row['study'] == study
                and row['data'] == data
                and row['labels'] == percent
                and row['steps'] == int(steps.replace(',', ''))
                and row['arm'] == arm
            }
            for arm in (ours, theirs)
        ]
        seeds = found[0].keys() & found[1].keys()
        a, b = np.array([[arm[seed] for seed in seeds] for arm in found])
        half = np.diff(stats.ttest_rel(a, b).confidence_interval(0.95))[0] / 2
        assert int(n) == len(a)
        for text, mean, spread in (
            (first, a.mean(), a.std(ddof=1)),
            (second, b.mean(), b.std(ddof=1)),
            (gap, (a - b).mean(), half),
        ):
            np.testing.assert_allclose(
                [float(t) for t in text.split(' ± ')], [mean, spread], atol=0.0501
            )


def test_a_comparison_pairs_by_seed_and_leaves_out_the_rest(tmp_path):
    rows = rows_of(
        tmp_path,
        ('ocrnet', 0, 0.30),
        ('ocrnet', 1, 0.34),
        ('stock', 1, 0.24),
        ('stock', 0, 0.22),
        ('ocrnet', 2, 0.99),
    )
    table = comparison(rows, 'study/ocrnet', ('study/stock',))
    assert '| bccd | 10 % | 300 | box AP | 2 | 32.0 ± 2.8 | 23.0 ± 1.4 | +9.0 ± 12.7 |' in table
    assert len(table.splitlines()) == 3


def test_one_pair_has_no_interval(tmp_path):
    rows = rows_of(tmp_path, ('ocrnet', 0, 0.25), ('stock', 0, 0.20), ('stock', 1, 0.20))
    assert '| 1 | 25.0 | 20.0 | +5.0 |' in comparison(rows, 'study/ocrnet', ('study/stock',))


def test_arms_are_compared_with_the_base_of_their_data_set(tmp_path):
    rows = rows_of(
        tmp_path,
        ('none', 0, 0.20),
        ('none', 1, 0.22),
        ('regions', 0, 0.30),
        ('regions', 1, 0.33),
        ('boxes', 0, 0.18),
    )
    lines = [line.strip('| ').split(' | ') for line in arms(rows, 'study', 'none').splitlines()[2:]]
    assert [(line[1], line[2], line[3], line[7].strip()) for line in lines] == [
        ('none', '2', '21.0 ± 1.4', ''),
        ('regions', '2', '31.5 ± 2.1', '+10.5 ± 6.4'),
        ('boxes', '1', '18.0', '-2.0'),
    ]
    assert lines[1][-1] == '30.0, 33.0'


def test_detectors_are_compared_by_seed_with_the_first():
    def run(arm, seed, ap, **others):
        row = dict(kind='fine-tuning', arm=arm, seed=seed, bbox_mAP=ap, error='', lr=1e-3)
        row |= dict.fromkeys(('bbox_mAP_50', 'bbox_mAP_75', 'proposal_recall'))
        return row | dict(seconds=60, latency_seconds=0.05, parameters=4.2e6) | others

    rows = [run('ours', seed, ap) for seed, ap in ((0, 0.5), (1, 0.52), (2, 0.54))]
    rows += [run('ssd', seed, ap) for seed, ap in ((1, 0.4), (2, 0.43))]
    rows += [run('ssd', 0, 0.9, error='killed'), run('ssd', 0, 0.9, kind='tuning')]
    ours, ssd = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in detectors(rows).splitlines()[2:]
    ]
    half = np.diff(stats.ttest_rel([40.0, 43.0], [52.0, 54.0]).confidence_interval(0.95))[0] / 2
    assert ours == ['ours', '3', '0.001', '52.0 ± 2.0', '', '', '', '', '60', '50', '4.2']
    assert ssd[:2] == ['ssd', '2'] and ssd[7] == f'-11.5 ± {half:.1f}'
    assert detectors([]) == ''
