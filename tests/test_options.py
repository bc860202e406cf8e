"""Names of options, and values that are looked at wherever they stand."""

import inspect
import re

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ocrnet_mmdet.config_tree import settings
from ocrnet_mmdet.config_values import check_values
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.options import check_options, read_config

from .detectors import ROOT

CONFIGS = sorted(
    {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    }
)
FINE, PRETRAIN = 'configs/benchmark/ocrnet_tiny.py', 'configs/benchmark/ocrnet_tiny_pretrain.py'
MISSPELT = {  # option: nearest name
    FINE: {
        'image_scal': 'image_scale',
        'image_size': 'image_scale',
        'crop_sise': 'crop_size',
        'max_iter': 'max_iters',
        'batchsize': 'batch_size',
        'load_form': 'load_from',
        'resum': 'resume',
        'workdir': 'work_dir',
        'lr': 'optim_wrapper.optimizer.lr',
        'num_workers': 'train_dataloader.num_workers',
        'optim_wraper.optimizer.lr': 'optim_wrapper',
        'optim_wrapper.optimiser.lr': 'optim_wrapper.optimizer',
        'optim_wrapper.optimizer.weigth_decay': 'optim_wrapper.optimizer.weight_decay',
        'optim_wrapper.clip_grad.max_nrom': 'optim_wrapper.clip_grad.max_norm',
        'model.backbone.frozen_stage': 'model.backbone.frozen_stages',
        'model.backbone.norm_cfg.num_group': 'model.backbone.norm_cfg.num_groups',
        'model.roi_head.agregator.num_layers': 'model.roi_head.aggregator',
        'model.roi_head.aggregator.num_layer': 'model.roi_head.aggregator.num_layers',
        'model.roi_head.bbox_head.num_class': 'model.roi_head.bbox_head.num_classes',
        'model.test_cfg.rcnn.max_per_image': 'model.test_cfg.rcnn.max_per_img',
        'model.test_cfg.rcnn.nms.iou_treshold': 'model.test_cfg.rcnn.nms.iou_threshold',
        'model.train_cfg.rcnn.sampler.pos_fractions': 'model.train_cfg.rcnn.sampler.pos_fraction',
        'train_cfg.max_epochs': 'train_cfg.max_iters',
        'train_cfg.val_intervall': 'train_cfg.val_interval',
        'train_dataloader.num_worker': 'train_dataloader.num_workers',
        'train_dataloader.dataset.pipline.0.x': 'train_dataloader.dataset.pipeline',
        'train_dataloader.dataset.pipeline.4.scal': 'train_dataloader.dataset.pipeline.4.scale',
        'val_evaluator.metrics': 'val_evaluator.metric',
        'param_scheduler.0.ends': 'param_scheduler.0.end',
        'default_hooks.chekpoint.interval': 'default_hooks.checkpoint',
        'default_hooks.checkpoint.intervall': 'default_hooks.checkpoint.interval',
        'default_hooks.checkpoint.max_keep_ckpt': 'default_hooks.checkpoint.max_keep_ckpts',
        'randomness.sed': 'randomness.seed',
        'auto_scale_lr.enabled': 'auto_scale_lr.enable',
    },
    PRETRAIN: {
        'model.weights.box': 'model.weights.boxes',
        'model.weight.boxes': 'model.weights',
        'default_hooks.schedule.own_form': 'default_hooks.schedule.own_from',
        'viewsize': 'view_size',
        'default_hooks.monitor.collapse.patiense': 'default_hooks.monitor.collapse.patience',
    },
}
READ = {*inspect.signature(Runner.__init__).parameters, 'auto_scale_lr'} - {'self'}
NEW = {  # in no config, and read
    FINE: """
        train_dataloader.prefetch_factor train_dataloader.pin_memory
        train_dataloader.num_batch_per_epoch train_dataloader.dataset.indices
        train_dataloader.dataset.pipeline.1.box_type
        train_dataloader.dataset.pipeline.4.keep_ratio model.test_cfg.rpn.score_thr
        model.neck.pool_bins model.roi_head.aggregator.max_context
        model.backbone.norm_cfg.eps model.rpn_head.assigner.topk
        model.train_cfg.rcnn.my_own_key optim_wrapper.accumulative_counts
        optim_wrapper.constructor optim_wrapper.paramwise_cfg.norm_decay_mult
        optim_wrapper.optimizer.betas optim_wrapper.clip_grad.norm_type
        default_hooks.checkpoint.out_dir default_hooks.ema.type
        env_cfg.resource_limit val_evaluator.classwise val_evaluator.outfile_prefix
        randomness.deterministic randomness.diff_rank_seed log_processor.custom_cfg
        visualizer.save_dir experiment_name auto_scale_lr.base_batch_size
        param_scheduler.1.verbose test_dataloader.dataset.backend_args model.init_cfg
        train_cfg.dynamic_intervals tta_model.type custom_imports.imports""".split(),
    PRETRAIN: """
        model.weights.variance model.weights.covariance model.region_loss.form
        model.detector.scope default_hooks.schedule.own_from
        default_hooks.monitor.collapse.min_spread
        default_hooks.probe.ann_file default_hooks.export.priority
        train_dataloader.dataset.seed train_dataloader.sampler.shuffle
        train_dataloader.dataset.data_prefix.img""".split(),
}


@pytest.fixture(scope='module')
def load():
    loaded = {}
    return lambda name: loaded.setdefault(name, Config.fromfile(ROOT / name))


@pytest.mark.parametrize(
    'name, option, nearest',
    [(name, *pair) for name, pairs in MISSPELT.items() for pair in pairs.items()],
)
def test_a_misspelt_option_is_refused_with_the_nearest_name(load, name, option, nearest):
    with pytest.raises(InputError) as refused:
        check_options(load(name), {option: 1})
    line = str(refused.value)
    assert line.startswith(f'option {option}: ') and line.endswith(f'did you mean {nearest}?')
    assert '\n' not in line and len(line) < 300


@pytest.mark.parametrize(
    'name, option', [(name, option) for name, options in NEW.items() for option in options]
)
def test_an_option_that_a_class_reads_may_be_new(load, name, option):
    check_options(load(name), {option: 1})


def paths_of(content: dict) -> list[str]:
    """Of what mmengine reads: no variables of the file."""
    return [path for path, _, _ in settings(content) if path.split('.')[0] in READ]


@pytest.mark.parametrize('name', CONFIGS)
def test_all_that_a_config_sets_may_be_given_and_can_be_meant(load, name):
    paths = paths_of(load(name).to_dict())
    assert len(paths) > 100
    check_options(load(name), dict.fromkeys(paths))
    check_values(load(name))


@pytest.mark.parametrize(
    'name', [FINE, PRETRAIN, 'configs/benchmark/stock_tiny.py', 'configs/ocrnet_classification.py']
)
def test_what_a_config_sets_could_also_be_new(load, name):
    content = load(name).to_dict()
    for path in paths_of(content):
        node, *parts = content, *path.split('.')
        for part in parts[:-1]:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if len(parts) == 1 or isinstance(node, list) or parts[-1] == 'type':
            continue
        value = node.pop(parts[-1])
        check_options(Config(content), {path: 1})
        node[parts[-1]] = value


@pytest.mark.parametrize(
    'option, line',
    [
        ('param_scheduler.7.end', 'param_scheduler is a list of 2'),
        ('param_scheduler.last.end', 'param_scheduler is a list of 2'),
        ('train_dataloader.batch_size.all', 'batch_size is 4, which has no'),
        ('model.', "there is no ''"),
        ('nonsense_xyz', 'take one of'),
    ],
)
def test_a_path_that_ends_early_is_one_line(load, option, line):
    with pytest.raises(InputError) as refused:
        check_options(load(FINE), {option: 1})
    assert line in str(refused.value) and len(str(refused.value)) < 500


def test_names_follow_a_type_that_another_option_changes(load):
    options = {'model.neck.type': 'FPN', 'model.neck.upsample_cfg': None}
    check_options(load(FINE), options)
    with pytest.raises(InputError, match='no .pool_bins'):
        check_options(load(FINE), options | {'model.neck.pool_bins': (1, 2)})


@pytest.mark.parametrize('root', ["a b/it's\\x", 'mine/', 7, '/'])
@pytest.mark.parametrize(
    'name, ann_file',
    [
        ('configs/ocrnet_coco.py', 'annotations/instances_val2017.json'),
        ('configs/demo/ocrnet_demo.py', 'annotations/val.json'),
        ('configs/ocrnet_pretrain.py', None),
    ],
)
def test_data_root_is_read_by_the_file_itself(name, ann_file, root):
    cfg = read_config(ROOT / name, dict(data_root=root))
    check_options(cfg, dict(data_root=root))
    folder = {'/': '/./'}.get(root, f'{root}'.rstrip('/') + '/')
    assert cfg.train_dataloader.dataset.data_root == folder
    assert ann_file is None or cfg.val_evaluator.ann_file == folder + ann_file


def test_data_root_leaves_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv('OCRNET_DATA_ROOT', 'before')
    read_config(ROOT / 'configs/ocrnet_coco.py', dict(data_root='now'))
    assert read_config(ROOT / 'configs/ocrnet_coco.py', {}).data_root == 'before/'


@pytest.mark.parametrize('root', [['a/', 'b/'], True, None, 1.5, ''])
def test_data_root_is_the_path_of_one_folder(root):
    with pytest.raises(InputError, match='data_root is .*: give the path of a folder'):
        read_config(ROOT / 'configs/ocrnet_coco.py', dict(data_root=root))


@pytest.mark.parametrize(
    'option, fix',
    [
        ('max_iters', r'line \d+, or give train_cfg.max_iters=\.\.\.$'),
        ('classes', r'train_dataloader.dataset.metainfo.classes=\.\.\.$'),
        ('image_scale', r'set what .*small_data.py made of it in line \d+$'),
        ('train_pipeline.0.type', 'train_pipeline is a variable'),
        ('data_root', 'data_root is a variable'),
    ],
)
def test_a_variable_of_the_file_is_no_option(load, option, fix):
    with pytest.raises(InputError, match=f'option {option}: .* is a variable .*') as refused:
        check_options(load(FINE), {option: 'other'})
    assert re.search(fix, str(refused.value)) and len(str(refused.value)) < 400


def test_a_variable_of_ones_own_file_is_changed_there(tmp_path):
    own = tmp_path / 'own.py'
    own.write_text(f"_base_ = '{ROOT}/configs/benchmark/ocrnet_tiny.py'\n\nmax_iters = 50\n")
    with pytest.raises(InputError, match=f'change line 3 of {own}'):
        check_options(Config.fromfile(own), dict(max_iters=9))


@pytest.mark.parametrize('options, seed', [(dict(seed=None), 3), (dict(seed=7), 7), ({}, 0)])
def test_images_without_labels_follow_the_seed_of_the_run(tmp_path, options, seed):
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.zeros((8, 8, 3), np.uint8))
    loader = dict(
        dataset=dict(type='OCRNetImageFolder', data_root=str(tmp_path), **options),
        sampler=dict(type='OCRNetVariationSampler'),
        batch_size=1,
        num_workers=0,
    )
    assert Runner.build_dataloader(loader, seed=3).dataset.seed == seed
