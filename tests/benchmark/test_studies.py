import json
import shutil
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from ocrnet_mmdet.benchmark import pretraining_studies, runs, studies, tuning
from ocrnet_mmdet.benchmark.data_sets import DATA_SETS
from ocrnet_mmdet.benchmark.runs import Run, execute_all
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT

RUN = Run('bccd_5', 'config.py', 'bccd', 'DATA', 300, 1e-3, 0, dict(sizes=(1, 2)), train_ann='a.json')


def finished(run, folder, **record):
    (folder / f'{run.name}.json').write_text(json.dumps(dict(run=asdict(run), **record)))


@pytest.fixture
def started(monkeypatch):
    """The runs that would have been started, instead of starting them; they fail."""
    names = []

    def pretend(command, **kwargs):
        names.append(json.loads(command[-2])['name'])
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr(runs.subprocess, 'run', pretend)
    return names


def test_a_finished_run_is_read_and_not_repeated(tmp_path, started):
    finished(RUN, tmp_path)
    elsewhere = replace(RUN, data_root='/elsewhere', train_ann='/elsewhere/a.json')
    with pytest.raises(InputError, match='1 runs failed, bccd_10 first'):
        execute_all([elsewhere, replace(RUN, name='bccd_10')], tmp_path, 2)
    assert started == ['bccd_10']


def test_a_record_names_files_as_seen_from_its_folder(tmp_path, started):
    run = replace(RUN, train_ann=str(tmp_path / 'splits' / 'a.json'), val_ann='annotations/val.json',
                  load_from=str(tmp_path.parent / 'pretraining' / 'b.pth'))
    runs.write_record(tmp_path / 'bccd_5.json', run, 0.0, scores={})
    found = json.loads((tmp_path / 'bccd_5.json').read_text())['run']
    assert [found[key] for key in runs.FILES] == ['splits/a.json', 'annotations/val.json', None,
                                                  '../pretraining/b.pth']
    execute_all([run], tmp_path, 1)
    assert not started


@pytest.mark.parametrize('kind', ['load_from', 'checkpoint'])
def test_a_run_without_its_weights_is_not_started(tmp_path, started, kind):
    with pytest.raises(InputError, match='bccd_5 needs .*absent.pth, .*run the study that makes it'):
        execute_all([replace(RUN, **{kind: str(tmp_path / 'absent.pth')})], tmp_path, 2)
    assert not started


@pytest.mark.parametrize('change', [dict(lr=2e-3), dict(steps=1000), dict(options=None)])
def test_a_finished_run_with_other_settings_is_not_taken_for_this_one(tmp_path, started, change):
    finished(RUN, tmp_path)
    with pytest.raises(InputError, match=f'{next(iter(change))}=.*delete the file'):
        execute_all([replace(RUN, **change)], tmp_path, 2)
    assert not started


def coco(pictures):
    return dict(images=[dict(id=i) for i in range(pictures)], annotations=[], categories=[])


def test_each_arm_gets_its_best_rate_of_a_data_set(tmp_path, monkeypatch):
    scores = {('a', 1e-3): (.2, .2), ('a', 2e-3): (.5, .1), ('b', 1e-3): (.3, .2), ('b', 2e-3): (.1, .1)}

    def pretend(wanted, folder, jobs):
        for run in wanted:
            assert run.steps == dict(nuclei=300, bccd=200)[run.data]
            ap = scores[run.config, run.lr][run.data == 'bccd']
            finished(run, folder, scores=dict(bbox_mAP=ap))

    monkeypatch.setattr(tuning, 'execute_all', pretend)
    monkeypatch.setattr(tuning, 'RATES', (1e-3, 2e-3))
    monkeypatch.setattr(tuning, 'training_json', lambda root, name: coco(100))
    arms = {arm: lambda name, arm=arm: dict(config=arm) for arm in 'ab'}
    rates = tuning.best_rates(arms, dict(nuclei=300, bccd=200), 10, 'DATA', tmp_path, 1)
    assert rates == tuning.chosen_rates(tmp_path) == dict(
        nuclei=dict(a=2e-3, b=1e-3), bccd=dict(a=1e-3, b=1e-3))
    train, held = [json.loads((tmp_path / 'splits' / f'nuclei_{part}.json').read_text())['images']
                   for part in (f'train_seed{tuning.TUNE_SEED}', 'held_out')]
    assert (len(train), len(held)) == (6, tuning.HELD_OUT)
    assert not {image['id'] for image in train} & {image['id'] for image in held}


def test_rates_that_were_not_chosen_are_asked_for(tmp_path):
    with pytest.raises(InputError, match='run the study main_table first'):
        tuning.chosen_rates(tmp_path / 'main_table' / 'tuning')


def test_equal_time_is_the_long_run_and_the_pretrainings_time_in_steps(tmp_path):
    for name, seconds in (('bccd_10_short_random_seed1', 160), ('bccd_10_long_random_seed1', 510),
                          ('pretraining/bccd', 1000)):
        path = tmp_path / f'{name}.json'
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(wall_seconds=seconds)))  # 0.5 s a step, 10 s of scoring
    assert pretraining_studies.equal_time_steps(tmp_path, 'bccd', 10, 1) == 1000 + 2000


def test_equal_time_compares_the_long_pretrained_run(tmp_path):
    (tmp_path / 'equal_time').mkdir()
    for folder, name, ap in (('equal_time', 'bccd_10_equal_random_seed1', .3),
                             ('', 'bccd_10_long_pretrained_seed1', .4),
                             ('', 'bccd_10_long_random_seed1', .1)):
        run = replace(RUN, name=name, seed=1)
        finished(run, tmp_path / folder, scores=dict(bbox_mAP=ap))
    table = pretraining_studies.comparison_table(
        pretraining_studies._against_equal_time(tmp_path), 'pretrained', 'random')
    assert '| bccd_10_equal | bbox_mAP | 1 | 40.0 | 30.0 | +10.0 |' in table


def test_vector_terms_are_compared_with_the_main_tables_runs_seed_by_seed(tmp_path, monkeypatch):
    main, out = tmp_path / 'main_table', tmp_path / 'vector_terms'
    (main / 'tuning').mkdir(parents=True)
    (main / 'tuning' / 'rates.json').write_text(json.dumps(dict(bccd=dict(pretrained=3e-3))))
    for seed, length, (arm, ap) in product(range(3), ('short', 'long'), (('pretrained', .4), ('random', .1))):
        finished(replace(RUN, name=f'bccd_10_{length}_{arm}_seed{seed}', seed=seed), main,
                 scores=dict(bbox_mAP=ap + .01 * seed))
    scores = dict(all=.5, strong=.6)

    def pretend(wanted, folder, jobs):
        folder.mkdir(exist_ok=True, parents=True)
        for run in wanted:
            arm = run.name.split('_')[1 if folder.name == 'pretraining' else 3]
            if folder.name == 'pretraining':
                factor = dict(all=1, strong=10)[arm]
                assert run.options['model.weights'] == dict(regions=1, boxes=1, masks=1) | {
                    term: factor * weight for term, weight in pretraining_studies.VECTORS.items()}
                assert run.steps == pretraining_studies.PRETRAIN_STEPS
            else:
                assert run.lr == 3e-3 and run.load_from == str(
                    out / f'pretraining/bccd_{arm}/pretrained_detector.pth')
                finished(run, folder, scores=dict(bbox_mAP=scores[arm] + .01 * run.seed))

    monkeypatch.setattr(pretraining_studies, 'execute_all', pretend)
    monkeypatch.setattr(pretraining_studies, 'training_json', lambda root, name: coco(20))
    pretraining_studies.vector_terms('DATA', out, 1)
    table = (out / 'table.md').read_text()
    for length in ('short', 'long'):
        for arm, ap, difference in (('all', 51, '+10.0 ± 0.0'), ('strong', 61, '+20.0 ± 0.0'),
                                    ('pretrained', 41, '-'), ('random', 11, '-30.0 ± 0.0')):
            assert f'| bccd_10_{length} | {arm} | 3 | {ap}.0 ± 1.0 | - | - | - | {difference} |' in table
    (main / 'bccd_10_long_pretrained_seed1.json').unlink()
    with pytest.raises(InputError, match='bccd_10_long_pretrained_seed1.json is absent: run the study main_table'):
        pretraining_studies.vector_terms('DATA', out, 1)


@pytest.mark.parametrize('data', ['coco_mini', 'nuclei'])
def test_few_labels_are_scored_on_the_val_pictures(tmp_path, monkeypatch, data):
    monkeypatch.setattr(pretraining_studies, 'training_json', lambda root, name: coco(20))
    run = pretraining_studies.few_labels(data, 10, 'short', 'random', 0, 'DATA', tmp_path, lr=1e-3, steps=60,
                                         config=str(ROOT / pretraining_studies.FINE_TUNE_CONFIG))
    _, val_ann, train_dir, val_dir = DATA_SETS[data].layout
    cfg = runs.make_config(run, tmp_path)
    assert cfg.train_dataloader.dataset.data_prefix.img == train_dir
    assert cfg.train_dataloader.dataset.ann_file == run.train_ann
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert (loader.dataset.ann_file, loader.dataset.data_prefix.img) == (val_ann, val_dir)


def test_weights_of_terms_are_compared_on_held_out_training_pictures(tmp_path, monkeypatch):
    out = tmp_path / 'term_weights'
    (tmp_path / 'main_table' / 'tuning').mkdir(parents=True)
    names = pretraining_studies.WEIGHED_ON
    (tmp_path / 'main_table' / 'tuning' / 'rates.json').write_text(
        json.dumps({name: dict(pretrained=3e-3) for name in names}))
    weights = {}

    def pretend(wanted, folder, jobs):
        folder.mkdir(exist_ok=True, parents=True)
        for run in wanted:
            if folder.name == 'pretraining':
                weights[str((folder / run.name).resolve())] = run.options['model.weights']['boxes']
                continue
            train, held = [{image['id'] for image in json.loads(Path(path).read_text())['images']}
                           for path in (run.train_ann, run.val_ann)]
            assert len(held) == tuning.HELD_OUT and len(train) == 6 and not train & held and run.lr == 3e-3
            weight = weights[str(Path(run.load_from).parent)]
            finished(run, folder, scores=dict(bbox_mAP=.4 - .1 * weight))

    monkeypatch.setattr(pretraining_studies, 'execute_all', pretend)
    monkeypatch.setattr(tuning, 'training_json', lambda root, name: coco(100))
    pretraining_studies.term_weights('DATA', out, 1)
    table = (out / 'table.md').read_text()
    for name in names:
        for arm, cells in (('weight0.1', '39.0 ± 0.0 | - | - | - | -1.0 ± 0.0'), ('weight1', '30.0 ± 0.0 | - | - | - | -10.0 ± 0.0')):
            assert f'| {name} | {arm} | 2 | {cells} |' in table


def test_the_studies_without_labels_are_what_made_the_records_that_are_kept_of_them(tmp_path, monkeypatch):
    kept, asked = tmp_path / 'benchmarks', set()
    shutil.copytree(ROOT / 'benchmarks', kept, ignore=shutil.ignore_patterns('*.log'))

    def pretend(wanted, folder, jobs):
        folder.mkdir(parents=True, exist_ok=True)
        for run in wanted:
            asked.add(out := folder / f'{run.name}.json')
            if out.exists():
                runs.check_finished(run, out)  # refuses a record of other settings than the study's
            else:
                finished(run, folder, scores=dict(bbox_mAP=0.0), wall_seconds=run.steps)

    for module in (pretraining_studies, tuning):
        monkeypatch.setattr(module, 'execute_all', pretend)
        monkeypatch.setattr(module, 'training_json', lambda root, name: coco(200))
    monkeypatch.setattr(pretraining_studies, 'link_objects', lambda root, folder: root)
    for name, study in pretraining_studies.STUDIES.items():
        here = {path for path in (kept / name).rglob('*.json') if 'tuning' not in path.parent.name}
        assert here, f'no record of {name} is kept'
        study('DATA', kept / name, 1)
        assert not here - asked
