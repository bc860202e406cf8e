import copy

import pytest
from mmengine.config import Config

from ocrnet_mmdet.datasets.own_data import apply_data_knobs, datasets_of

from ..detectors import ROOT


@pytest.fixture
def cfg():
    return Config.fromfile(ROOT / 'configs/ocrnet_small_data.py')


def test_knobs_reach_every_data_set_evaluator_and_head(cfg):
    cfg.merge_from_dict(dict(data_root='here/', classes=('car', 'bus'), train_ann='t.json',
                             val_ann='v.json', img_dir='pics/', with_mask=False))
    apply_data_knobs(cfg)
    train, val, test = [next(datasets_of(cfg[f'{name}_dataloader']))
                        for name in ('train', 'val', 'test')]
    assert (train.ann_file, val.ann_file, test.ann_file) == ('t.json', 'v.json', 'v.json')
    for dataset in (train, val, test):
        assert dataset.data_root == 'here/' and dataset.data_prefix.img == 'pics/'
        assert dataset.metainfo.classes == ('car', 'bus')
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert evaluator.ann_file == 'here/v.json' and evaluator.metric == ['bbox']
    assert cfg.model.roi_head.bbox_head.num_classes == 2
    assert cfg.model.roi_head.mask_head is None
    assert not train.pipeline[1].with_mask


def test_wrapped_data_sets_are_reached(cfg):
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=3, dataset=dict(type='ConcatDataset', datasets=[inner, inner]))
    cfg.data_root = 'there/'
    apply_data_knobs(cfg)
    assert [d.data_root for d in datasets_of(cfg.train_dataloader)] == ['there/'] * 2


def test_coco_needs_its_data_root_alone():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_coco.py')
    cfg.data_root = '/data/coco_copy/'
    apply_data_knobs(cfg)
    assert cfg.val_evaluator.ann_file == '/data/coco_copy/annotations/instances_val2017.json'
    assert cfg.train_dataloader.dataset.data_prefix.img == 'train2017/'
    assert cfg.model.roi_head.bbox_head.num_classes == 80


def test_a_config_without_knobs_stays_as_it_is():
    cfg = Config(dict(model=dict(type='RetinaNet', bbox_head=dict(num_classes=7)),
                      train_dataloader=dict(dataset=dict(type='CocoDataset', data_root='x/'))))
    before = copy.deepcopy(cfg.to_dict())
    apply_data_knobs(cfg)
    assert cfg.to_dict() == before
