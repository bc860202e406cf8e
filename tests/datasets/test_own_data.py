import copy

import pytest
from mmengine.config import Config

from ocrnet_mmdet.datasets.own_data import apply_data_knobs, apply_run_knobs, datasets_of, own_run_knobs
from ocrnet_mmdet.errors import InputError

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


def test_size_length_and_batch_given_as_options_count_where_they_are_repeated():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_run_knobs(cfg, dict(max_iters=1200, batch_size=6, view_size=96, crop_size=(64, 64)))
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (1200, 1201)
    warm_up, falling = cfg.param_scheduler
    assert (warm_up.begin, warm_up.end, falling.begin, falling.end, falling.T_max) == (
        0, 100, 100, 1200, 1100)
    assert cfg.train_dataloader.batch_size == 6
    assert cfg.train_dataloader.dataset.pipeline[-1].size == 96


def test_sizes_reach_the_pipelines_of_own_data(cfg):
    apply_run_knobs(cfg, dict(image_scale=(256, 256), crop_size=(128, 128), max_iters=400, batch_size=2))
    assert cfg.train_dataloader.batch_size == 2
    resized, cropped = [{step.type: step for step in cfg[f'{name}_dataloader'].dataset.pipeline}
                        for name in ('val', 'train')]
    assert resized['Resize'].scale == cropped['RandomResize'].scale == (256, 256)
    assert cropped['RandomCrop'].crop_size == (128, 128)
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (400, 400)  # scored at the end


def test_a_file_that_inherits_sets_size_and_length_by_their_names(tmp_path):
    file = tmp_path / 'mine.py'
    file.write_text(f"_base_ = '{ROOT}/configs/ocrnet_small_data.py'\nmax_iters = 800\ncrop_size = 256\n"
                    "train_dataloader = dict(batch_size=2)\n")
    cfg = Config.fromfile(file)
    apply_run_knobs(cfg, own_run_knobs(str(file), cfg))
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler[-1].end) == (800, 800)
    crop, = (step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomCrop')
    assert crop.crop_size == (256, 256)
    assert cfg.train_dataloader.batch_size == 2  # the inherited knob says 4


def test_the_dump_of_a_run_means_what_was_run(tmp_path, cfg):
    cfg.train_cfg.max_iters = 300
    cfg.dump(tmp_path / 'dumped.py')
    assert own_run_knobs(str(tmp_path / 'dumped.py'), cfg) == {}


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('**/ocrnet_*.py')), ids=lambda path: path.stem)
def test_the_projects_own_files_mean_what_they_set(path):
    cfg = Config.fromfile(path)
    before = copy.deepcopy(cfg.to_dict())
    apply_run_knobs(cfg, own_run_knobs(str(path), cfg))
    assert cfg.to_dict() == before


def test_a_knob_that_the_file_itself_overrides_stays_overridden(cfg):
    cfg.train_cfg.max_iters = 300
    apply_run_knobs(cfg, dict(batch_size=2))
    assert (cfg.max_iters, cfg.train_cfg.max_iters) == (4000, 300)


@pytest.mark.parametrize('given', [256, [256, 256], (256, 256)])
def test_a_size_is_one_side_or_two(cfg, given):
    apply_run_knobs(cfg, dict(crop_size=given))
    crop, = (step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomCrop')
    assert crop.crop_size == (256, 256)


@pytest.mark.parametrize('given', ['large', [1, 2, 3], 0.5, (0, 8)])
def test_another_size_is_one_line(cfg, given):
    with pytest.raises(InputError, match='crop_size is .*give one side or two'):
        apply_run_knobs(cfg, dict(crop_size=given))


@pytest.mark.parametrize('steps', [1, 2, 3])
def test_a_run_of_few_steps_keeps_a_schedule(steps):
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_run_knobs(cfg, dict(max_iters=steps))
    assert cfg.param_scheduler[0].begin == 0
    assert all(s.begin < s.end <= steps for s in cfg.param_scheduler)
