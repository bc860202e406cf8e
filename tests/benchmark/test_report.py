import numpy as np
from scipy import stats

from ocrnet_mmdet.benchmark.report import arms_table, comparison_table, paired_interval


def test_interval_is_scipys_paired_t_interval():
    ours, theirs = [30.0, 33.0, 31.5, 36.0], [25.0, 29.0, 28.5, 26.0]
    mean, half = paired_interval(ours, theirs)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    np.testing.assert_allclose([mean - half, mean + half], expected)


def record(arm, seed, ap):
    return dict(run=dict(name=f'bccd_{arm}_seed{seed}', data='bccd', seed=seed),
                scores=dict(bbox_mAP=ap))


def test_table_pairs_by_seed_and_leaves_out_what_has_no_partner():
    table = comparison_table([record('ocrnet', 0, .30), record('ocrnet', 1, .34),
                              record('stock', 1, .24), record('stock', 0, .22),
                              record('ocrnet', 2, .99)])
    assert '| bccd | bbox_mAP | 2 | 32.0 ± 2.8 | 23.0 ± 1.4 | +9.0 ±' in table


def test_runs_of_other_percents_are_other_groups_and_one_pair_has_no_interval():
    records = [record('random', 0, .20), record('pretrained', 0, .25)]
    for each, percent in zip(records, (5, 5)):
        each['run']['name'] = each['run']['name'].replace('bccd_', f'bccd_{percent}_short_')
    table = comparison_table([*records, record('random', 0, .4)], 'pretrained', 'random')
    assert '| bccd_5_short | bbox_mAP | 1 | 25.0 | 20.0 | +5.0 |' in table
    assert len(table.splitlines()) == 3


def test_arms_are_ranked_and_compared_with_the_base_of_their_group():
    rows = arms_table([record('none', 0, .20), record('none', 1, .22), record('all-terms', 0, .30),
                       record('all-terms', 1, .33), record('vectors', 0, .18)], 'none').splitlines()
    assert [row.split('|')[2].strip() for row in rows[2:]] == ['all-terms', 'none', 'vectors']
    assert '| bccd | all-terms | 2 | 31.5 ± 2.1 | - | - | - | +10.5 ± ' in rows[2]
    assert rows[3].endswith('| - |') and rows[4].endswith('| -2.0 |')
    assert len({row.count('|') for row in rows}) == 1
