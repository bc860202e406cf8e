import json

import pytest

from ocrnet_mmdet.benchmark.figures import ap_by_time, pretraining_curves, read_log, total_times

LINE = ('11/22 21:45:22 - mmengine - INFO - Iter(train) [  50/1500]  base_lr: 8.02e-04  eta: 0:36:52  '
        'loss: {loss}  candidate_recall: 0.37  mask_level_ratio: 0.95  box_level_ratio: 0.99\n')


def write(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def study(tmp_path):
    for name, seconds, ap in (('short_random', 60, .1), ('long_random', 180, .2), ('long_pretrained', 180, .4)):
        for seed in (0, 1):
            run = dict(name=f'aerial_cars_10_{name}_seed{seed}', data='aerial_cars', seed=seed)
            write(tmp_path / f'{run["name"]}.json', run=run, wall_seconds=seconds + 60 * seed,
                  scores=dict(bbox_mAP=ap + .02 * seed))
    write(tmp_path / 'pretraining/aerial_cars.json', wall_seconds=600)
    (tmp_path / 'pretraining/aerial_cars.log').write_text('Exp name: x\n' + LINE.format(loss=1.5))
    return tmp_path


def test_a_log_gives_its_steps_and_values(study):
    step, = read_log(study / 'pretraining/aerial_cars.log')
    assert (step['step'], step['loss'], step['base_lr'], step['box_level_ratio']) == (50, 1.5, 8.02e-4, .99)


def test_the_pretrainings_time_counts_for_the_pretrained(study):
    curves = total_times(study)
    assert sorted(curves['aerial_cars_10', 'random']) == [pytest.approx((1.5, 11)), pytest.approx((3.5, 21))]
    assert curves['aerial_cars_10', 'pretrained'] == [pytest.approx((13.5, 41))]


def test_a_run_at_equal_time_counts_the_time_that_it_was_given(study):
    for seed in (0, 1):
        assert len(total_times(study)['aerial_cars_10', 'random']) == 2  # not of a part of the seeds
        name = f'aerial_cars_10_equal_random_seed{seed}'
        write(study / f'equal_time/{name}.json', wall_seconds=9999, scores=dict(bbox_mAP=.3),
              run=dict(name=name, data='aerial_cars', seed=seed))
    assert total_times(study)['aerial_cars_10', 'random'][-1] == pytest.approx((13.5, 30))


def test_the_figures_are_drawn(study):
    pretraining_curves([study / 'pretraining/aerial_cars.log'], study / 'figures/a.svg')
    ap_by_time(study, study / 'figures/b.svg')
    assert all((study / 'figures' / name).read_text().rstrip().endswith('</svg>') for name in ('a.svg', 'b.svg'))
