import copy
from argparse import Namespace

import pytest
from mmengine.config import Config, ConfigDict

from ocrnet_mmdet.cli import load_config
from ocrnet_mmdet.datasets.own_data import apply_knobs, datasets_of, set_num_classes
from ocrnet_mmdet.errors import InputError

from ..detectors import ROOT


@pytest.fixture
def cfg():
    return Config.fromfile(ROOT / 'configs/ocrnet_small_data.py')


def test_knobs_reach_every_data_set_evaluator_and_head(cfg):
    apply_knobs(cfg, dict(data_root='here/', classes=('car', 'bus'), train_ann='t.json',
                          val_ann='v.json', img_dir='pics/', with_mask=False))
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
    apply_knobs(cfg)
    assert [d.data_root for d in datasets_of(cfg.train_dataloader)] == ['there/'] * 2


def test_coco_needs_its_data_root_alone():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_coco.py')
    cfg.data_root = '/data/coco_copy/'
    apply_knobs(cfg)
    assert cfg.val_evaluator.ann_file == '/data/coco_copy/annotations/instances_val2017.json'
    assert cfg.train_dataloader.dataset.data_prefix.img == 'train2017/'
    assert cfg.model.roi_head.bbox_head.num_classes == 80


def test_a_config_without_knobs_stays_as_it_is():
    cfg = Config(dict(model=dict(type='RetinaNet', bbox_head=dict(num_classes=7)),
                      train_dataloader=dict(dataset=dict(type='CocoDataset', data_root='x/'))))
    before = copy.deepcopy(cfg.to_dict())
    apply_knobs(cfg)
    assert cfg.to_dict() == before


def test_size_length_and_batch_given_as_options_count_where_they_are_repeated():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_knobs(cfg, dict(max_iters=1200, batch_size=6, view_size=96, crop_size=(64, 64)))
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (1200, 1201)
    warm_up, falling = cfg.param_scheduler
    assert (warm_up.begin, warm_up.end, falling.begin, falling.end, falling.T_max) == (
        0, 100, 100, 1200, 1100)
    assert cfg.train_dataloader.batch_size == 6
    assert cfg.train_dataloader.dataset.pipeline[-1].size == 96


def views_of(cfg):
    """Share of a picture that a pretraining's views show, and the size in which regions are discovered."""
    _, discover, views = cfg.train_dataloader.dataset.pipeline
    return views.get('area'), discover.get('size')


def test_views_and_regions_follow_the_size_of_the_fine_tuning_to_come(tmp_path):
    path = ROOT / 'configs/ocrnet_pretrain.py'
    cfg = Config.fromfile(path)
    apply_knobs(cfg)
    assert views_of(cfg) == ((0.5, 1.0), 128)  # of the recipe
    apply_knobs(cfg, dict(image_scale=(600, 400), view_size=210))
    # Crops of 210 px from pictures with a longest side of 600 px times 0.7 to 1.4, discovered at two thirds.
    small = views_of(cfg)
    assert small == (pytest.approx((0.25**2, 0.5**2)), 400)
    cfg.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    apply_knobs(again)
    assert views_of(again) == small
    apply_knobs(again, dict(image_scale=100))
    assert views_of(again) == ((1.0, 1.0), 67)  # a view holds the whole picture
    mine = inheriting(tmp_path, path, "image_scale = 600\ntrain_dataloader = dict(dataset=dict(pipeline=[\n"
                      "    dict(type='LoadImageFromFile'), dict(type='OCRNetDiscoverRegions'),\n"
                      "    dict(type='OCRNetTwoViews', size=210, area=(0.1, 0.2))]))")
    cfg = Config.fromfile(mine)
    apply_knobs(cfg)
    assert views_of(cfg) == ((0.1, 0.2), 400)  # the file's own share stands
    apply_knobs(cfg, dict(view_size=105))
    assert views_of(cfg) == ((0.1, 0.2), 400)


def test_views_that_follow_a_fine_tuning_go_on_following_it(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_knobs(cfg, dict(image_scale=600, view_size=210))
    cfg.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    apply_knobs(again, dict(view_size=420))
    assert views_of(again) == (pytest.approx((0.5**2, 1.0)), 400)
    larger = Config.fromfile(inheriting(tmp_path, tmp_path / 'dumped.py', 'image_scale = 1200'))
    apply_knobs(larger)
    assert views_of(larger) == (pytest.approx((0.125**2, 0.25**2)), 800)


def test_the_names_of_own_data_reach_a_pretraining_on_its_pictures():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_knobs(cfg, dict(data_root='mine/', train_ann='annotations/train.json', img_dir='images/', classes=('car', )))
    data = cfg.train_dataloader.dataset
    assert (data.data_root, data.ann_file, data.data_prefix) == ('mine/', 'annotations/train.json', dict(img='images/'))
    assert 'metainfo' not in data  # pictures alone have no classes


def test_sizes_reach_the_pipelines_of_own_data(cfg):
    apply_knobs(cfg, dict(image_scale=(256, 256), crop_size=(128, 128), max_iters=400, batch_size=2))
    assert cfg.train_dataloader.batch_size == 2
    resized, cropped = [{step.type: step for step in cfg[f'{name}_dataloader'].dataset.pipeline}
                        for name in ('val', 'train')]
    assert resized['Resize'].scale == cropped['RandomResize'].scale == (256, 256)
    assert cropped['RandomCrop'].crop_size == (128, 128)
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (400, 40)


def test_a_file_that_inherits_sets_size_and_length_by_their_names(tmp_path):
    file = tmp_path / 'mine.py'
    file.write_text(f"_base_ = '{ROOT}/configs/ocrnet_small_data.py'\nmax_iters = 800\ncrop_size = 256\n"
                    "train_dataloader = dict(batch_size=2)\n")
    cfg = Config.fromfile(file)
    apply_knobs(cfg)
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler[-1].end) == (800, 800)
    crop, = (step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomCrop')
    assert crop.crop_size == (256, 256)
    assert cfg.train_dataloader.batch_size == 2  # the inherited knob says 4


def test_the_dump_of_a_run_means_what_was_run(tmp_path, cfg):
    cfg.train_cfg.max_iters = 300
    cfg.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    apply_knobs(again)
    assert (again.max_iters, again.train_cfg.max_iters) == (4000, 300)


def inheriting(folder, base, text):
    file = folder / f'{base.stem}_child.py'
    file.write_text(f"_base_ = '{base}'\n{text}\n")
    return file


def test_a_knob_of_a_file_in_the_middle_counts(tmp_path):
    child = inheriting(tmp_path, ROOT / 'configs/ocrnet_small_data.py', "max_iters = 1000\ndata_root = 'mine/'")
    cfg = Config.fromfile(inheriting(tmp_path, child, "classes = ('car', 'bus')"))
    apply_knobs(cfg)
    assert cfg.train_cfg.max_iters == 1000
    assert cfg.val_dataloader.dataset.data_root == 'mine/'
    assert cfg.val_evaluator.ann_file == 'mine/annotations/val.json'
    assert cfg.train_dataloader.dataset.metainfo.classes == ('car', 'bus')
    assert cfg.model.roi_head.bbox_head.num_classes == 2


def test_what_a_file_sets_in_mmdets_own_way_stands(tmp_path):
    nested = """
train_dataloader = dict(dataset=dict(data_root='mine/', ann_file='t.json', metainfo=dict(classes=('a', 'b', 'c'))))
model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))"""
    for name in ('ocrnet_small_data', 'ocrnet_coco'):
        cfg = Config.fromfile(inheriting(tmp_path, ROOT / f'configs/{name}.py', nested))
        before = copy.deepcopy(cfg.to_dict())
        apply_knobs(cfg)
        assert cfg.to_dict() == before


@pytest.mark.parametrize('given, classes', [((1, 2), ('1', '2')), (['a', 2], ('a', '2')), (7, ('7', ))])
def test_classes_may_be_called_by_digits(cfg, given, classes):
    apply_knobs(cfg, dict(classes=given))
    assert cfg.val_dataloader.dataset.metainfo.classes == classes


@pytest.mark.parametrize('path', ['configs/ocrnet_coco.py', 'configs/ocrnet_classification.py'])
def test_a_config_that_counts_epochs_has_no_max_iters(path):
    with pytest.raises(InputError, match='max_iters=100: this config counts epochs: set train_cfg.max_epochs'):
        apply_knobs(Config.fromfile(ROOT / path), dict(max_iters=100))


@pytest.mark.parametrize('name, given', [('max_iters', 'abc'), ('batch_size', 0), ('view_size', (128, 128))])
def test_another_number_is_one_line(cfg, name, given):
    with pytest.raises(InputError, match=f'{name} is .*: give a whole number above 0'):
        apply_knobs(cfg, {name: given})


def test_length_of_a_config_of_ones_own_with_one_schedule():
    cfg = Config(dict(train_cfg=dict(type='IterBasedTrainLoop', max_iters=100),
                      param_scheduler=dict(type='LinearLR', begin=0, end=10)))
    apply_knobs(cfg, dict(max_iters=50))
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler[0].end) == (50, 5)


def test_a_class_of_one_name_is_one_class(cfg):
    apply_knobs(cfg, dict(classes='car'))
    assert cfg.val_dataloader.dataset.metainfo.classes == ('car', )
    assert cfg.model.roi_head.bbox_head.num_classes == 1


@pytest.mark.parametrize('options, seed', [
    ({}, 0), ({'randomness.seed': 5}, 5), ({'randomness.seed': 5, 'train_dataloader.dataset.seed': 7}, 7)])
def test_pictures_without_labels_follow_the_seed_of_the_run(options, seed, monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')
    cfg = load_config(Namespace(config=str(ROOT / 'configs/ocrnet_pretrain.py'), cfg_options=options, launcher='none',
                                work_dir=None, local_rank=0))
    assert cfg.train_dataloader.dataset.seed == seed


def test_boxes_alone_can_be_asked_of_a_pretraining():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_knobs(cfg, dict(with_mask=False))
    assert cfg.model.weights.masks == 0 and cfg.model.detector.roi_head.mask_head is None


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('**/ocrnet_*.py')), ids=lambda path: path.stem)
def test_the_projects_own_files_mean_the_length_and_size_they_set(path):
    def length_and_size(cfg):
        loaders = [cfg.get(f'{name}_dataloader') for name in ('train', 'val')]
        pipelines = [dataset.get('pipeline') for loader in loaders for dataset in datasets_of(loader)]
        return copy.deepcopy((cfg.get('train_cfg'), cfg.get('param_scheduler'), pipelines,
                              loaders[0] and loaders[0].batch_size))

    cfg = Config.fromfile(path)
    before = length_and_size(cfg)
    apply_knobs(cfg)
    assert length_and_size(cfg) == before


def test_a_knob_that_the_file_itself_overrides_stays_overridden(cfg):
    cfg.train_cfg.max_iters = 300
    apply_knobs(cfg, dict(batch_size=2))
    assert (cfg.max_iters, cfg.train_cfg.max_iters) == (4000, 300)


@pytest.mark.parametrize('given', [256, [256, 256], (256, 256)])
def test_a_size_is_one_side_or_two(cfg, given):
    apply_knobs(cfg, dict(crop_size=given))
    crop, = (step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomCrop')
    assert crop.crop_size == (256, 256)


@pytest.mark.parametrize('given', ['large', [1, 2, 3], 0.5, (0, 8)])
def test_another_size_is_one_line(cfg, given):
    with pytest.raises(InputError, match='crop_size is .*give one side or two'):
        apply_knobs(cfg, dict(crop_size=given))


@pytest.mark.parametrize('steps', [1, 2, 3])
def test_a_run_of_few_steps_keeps_a_schedule(steps):
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_knobs(cfg, dict(max_iters=steps))
    assert cfg.param_scheduler[0].begin == 0
    assert all(s.begin < s.end <= steps for s in cfg.param_scheduler)


def test_the_class_count_reaches_every_head_and_no_other_part():
    """As in mmdet's HTC: three stages, a semantic head of COCO stuff's 183 classes; heads may stand in a tuple."""
    def model(count, heads):
        return ConfigDict(backbone=dict(num_classes=1000), rpn_head=dict(num_classes=1), panoptic=dict(num_classes=count),
                          roi_head=dict(semantic_head=dict(num_classes=183), mask_head=dict(num_classes=count),
                                        bbox_head=heads([dict(num_classes=count, loss_cls=dict(num_classes=count))] * 3)))

    for heads in (list, tuple):
        cfg = model(80, heads)
        set_num_classes(cfg, 7)
        assert cfg == model(7, heads)


@pytest.mark.parametrize('steps, interval', [(4000, 400), (300, 30), (7, 1), (20000, 400)])
def test_a_run_of_any_length_is_saved_and_scored_ten_times(steps, interval):
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_small_data.py')
    apply_knobs(cfg, dict(max_iters=steps))
    assert cfg.train_cfg.val_interval == cfg.default_hooks.checkpoint.interval == interval


def test_a_pretraining_of_any_length_is_saved_ten_times_and_not_scored():
    cfg = Config.fromfile(ROOT / 'configs/ocrnet_pretrain.py')
    apply_knobs(cfg, dict(max_iters=450))
    assert (cfg.train_cfg.val_interval, cfg.default_hooks.checkpoint.interval) == (451, 45)
