"""Classes are matched by name, in any order of the file's categories."""

import json

import numpy as np
import pytest
from mmdet.registry import DATASETS, METRICS

from ocrnet_mmdet.datasets.check_config import check_config, clean_config

from .coco_folder import CLASSES
from .small_config import config, edit

SHUFFLES = {
    'other order': lambda c: c[::-1],
    'ids that fall': lambda c: [dict(k, id=4 - k['id']) for k in c],
    'another class between': lambda c: [c[2], dict(id=9, name='flag'), c[0], c[1]],
    'text ids': lambda c: [dict(k, id=f'{11 - k["id"]}') for k in c],
}


def shuffle(root, split, change):
    """Another order of a file's categories; its objects keep their names."""

    def edit_all(data):
        names = {c['id']: c['name'] for c in data['categories']}
        data['categories'] = change(data['categories'])
        ids = {c['name']: c['id'] for c in data['categories']}
        for annotation in data['annotations']:
            annotation['category_id'] = ids[names[annotation['category_id']]]

    edit(root / f'{split}.json', edit_all)


def labels_of(dataset):
    data = DATASETS.build(dict(dataset, test_mode=True)).load_data_list()
    return [(d['img_path'][-5:], i['bbox_label']) for d in data for i in d['instances']]


def score_of(cfg, dataset, evaluator):
    """Per-class AP of a detector that finds every robot and ball and no goal."""
    metric = METRICS.build(dict(evaluator, classwise=True))
    metric.dataset_meta = dict(classes=tuple(dataset.metainfo.classes))
    results = []
    for d in DATASETS.build(dict(dataset, test_mode=True)).load_data_list():
        found = [i for i in d['instances'] if i['bbox_label'] != 2]
        results.append(
            (
                dict(width=40, height=30, img_id=d['img_id']),
                dict(
                    img_id=d['img_id'],
                    bboxes=np.array([i['bbox'] for i in found], float).reshape(-1, 4),
                    scores=np.ones(len(found)),
                    labels=np.array([i['bbox_label'] for i in found], int),
                ),
            )
        )
    scores = metric.compute_metrics(results)
    return {name: float(scores[f'{name}_precision']) for name in dataset.metainfo.classes}


@pytest.mark.parametrize('kind', SHUFFLES)
@pytest.mark.parametrize('split', ['train', 'val'])
def test_classes_are_matched_by_name_in_any_order_of_the_file(root, kind, split):
    cfg = config(root)
    check_config(cfg)
    wanted = {
        split: labels_of(cfg[f'{split}_dataloader'].dataset) for split in ('train', 'val', 'test')
    }
    shuffle(root, split, SHUFFLES[kind])
    before = (root / f'{split}.json').read_text()
    cfg = config(root)
    notes = check_config(cfg)
    assert (
        len(notes) == 1
        and notes[0].startswith(f'{split}_dataloader: ')
        and 'another order' in notes[0]
    )
    assert wanted == {
        split: labels_of(cfg[f'{split}_dataloader'].dataset) for split in ('train', 'val', 'test')
    }
    for dataset, evaluator in (
        (cfg.val_dataloader.dataset, cfg.val_evaluator),
        (cfg.test_dataloader.dataset, cfg.test_evaluator[0]),
    ):
        assert score_of(cfg, dataset, evaluator) == dict(robot=1, ball=1, goal=0)
    assert (root / f'{split}.json').read_text() == before
    assert check_config(cfg) == []  # read again from the copy


def test_names_that_are_numbers_are_trained_on_as_text(root):
    for split in ('train', 'val'):
        edit(
            root / f'{split}.json',
            lambda data: [c.update(name=c['id']) for c in data['categories']],
        )
    for classes in (('1', '2', '3'), (1, 2, 3), ('3', '1', '2')):
        cfg = config(root)
        for loader in ('train', 'val', 'test'):
            cfg[f'{loader}_dataloader'].dataset.metainfo = dict(classes=classes)
        check_config(cfg)
        names = list(map(str, classes))
        assert labels_of(cfg.train_dataloader.dataset) == [
            (name, names.index(label))
            for name, label in (('a.png', '1'), ('a.png', '3'), ('b.png', '2'))
        ]


def test_results_for_a_server_keep_the_ids_of_its_file(root):
    shuffle(root, 'val', SHUFFLES['other order'])
    cfg = config(root)
    cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_evaluator[0].update(format_only=True, outfile_prefix='x')
    check_config(cfg)
    categories = json.load(open(cfg.test_evaluator[0].ann_file))['categories']
    assert categories == [dict(id=k + 1, name=name) for k, name in enumerate(CLASSES)]


def test_a_cleaned_file_of_another_order_is_read_in_the_configs(root):
    shuffle(root, 'val', SHUFFLES['other order'])
    (root / 'images/c.png').write_bytes(b'nothing')
    cfg = config(root)
    clean_config(cfg, cfg.work_dir)
    check_config(cfg)
    assert labels_of(cfg.val_dataloader.dataset) == [('d.png', 1)]
