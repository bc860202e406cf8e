"""Values that cannot be meant, from the config to a training's first step."""

import copy
import functools
from argparse import Namespace
from uuid import uuid4

import pytest
from mmdet.registry import HOOKS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import runner as mmengine_runner

from demo.data_set import make_demo_set
from ocrnet_mmdet import cli
from ocrnet_mmdet.cli import load_config, parse_option, run_training
from ocrnet_mmdet.errors import InputError

from .detectors import ROOT

TINY = """
norm_cfg = dict(type='GN', num_groups=4, requires_grad=True)
narrow = dict(
    backbone=dict(width=0.25, norm_cfg=norm_cfg),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=16, norm_cfg=norm_cfg),
    rpn_head=dict(in_channels=16, feat_channels=16, norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=32),
        mask_head=dict(in_channels=16, conv_out_channels=16, norm_cfg=norm_cfg)))
default_hooks = dict(checkpoint=dict(interval=-1))
"""
FINE = (
    f"_base_ = '{ROOT}/configs/benchmark/ocrnet_tiny.py'\n{TINY}"
    """
model = narrow
custom_hooks = [dict(type='StopAfterOneStep')]
dataset = dict(data_root='{data}/', data_prefix=dict(img=''),
               metainfo=dict(classes=('star', 'ring', 'cross', 'leaf', 'crescent')))
narrow['roi_head']['bbox_head']['num_classes'] = 5
narrow['roi_head']['mask_head']['num_classes'] = 5
train_dataloader = dict(batch_size=1, num_workers=0, dataset=dataset)
val_dataloader = test_dataloader = dict(num_workers=0, dataset=dataset)
val_evaluator = test_evaluator = dict(ann_file='{data}/annotations/val.json')
train_cfg = dict(max_iters=8)
"""
)
PRETRAIN = (
    f"_base_ = '{ROOT}/configs/benchmark/ocrnet_tiny_pretrain.py'\n{TINY}"
    """
model = dict(detector=narrow)
custom_hooks = [dict(type='StopAfterOneStep')]
train_dataloader = dict(
    batch_size=1, num_workers=0,
    dataset=dict(data_root='{data}/train/',
                 pipeline=[_base_.load, _base_.discover, dict(_base_.views, size=64)]))
train_cfg = dict(max_iters=8)
"""
)


class Stopped(Exception):
    """After the first step of a training."""


@HOOKS.register_module()
class StopAfterOneStep(Hook):
    priority = 'VERY_LOW'

    def after_train_iter(self, *args, **kwargs) -> None:
        raise Stopped


@pytest.fixture(scope='module')
def begin(tmp_path_factory):
    """Train a step with options: True where that went, else the line that says why not."""
    folder = tmp_path_factory.mktemp('options')
    make_demo_set(str(folder / 'data'), train=2, val=1, unlabelled=0, size=64)
    for name, text in (('fine', FINE), ('pretrain', PRETRAIN)):
        (folder / f'{name}.py').write_text(text.replace('{data}', str(folder / 'data')))

    def begin(name: str, *options: str) -> bool | str:
        pairs = (option.partition('=') for option in options)
        given = {key: parse_option(text) for key, _, text in pairs}
        given.setdefault('experiment_name', uuid4().hex)
        try:
            cfg = load_config(
                Namespace(
                    config=str(folder / f'{name}.py'),
                    cfg_options=given,
                    launcher='none',
                    work_dir=str(folder / 'work'),
                    local_rank=0,
                )
            )
            run_training(cfg, options=given)
        except Stopped:
            return True
        except InputError as error:
            return str(error)

    read = functools.cache(Config.fromfile)
    with pytest.MonkeyPatch.context() as patch:  # two thirds of the time
        patch.setattr(Config, 'fromfile', lambda path, **_: copy.deepcopy(read(str(path))))
        patch.setattr(mmengine_runner, 'collect_env', dict)
        patch.setattr(cli, 'get_device', lambda: 'cpu')
        yield begin


@pytest.mark.parametrize('name', ['fine', 'pretrain'])
def test_without_odd_options_a_step_is_taken(begin, name):
    assert begin(name) is True


REFUSED = dict(
    fine="""
        max_iters=9 data_root=elsewhere/ data_root=True load_from=5 load_from=True
        train_dataloader.batch_size=True train_dataloader.batch_size=2.5
        train_cfg.max_iters=True train_cfg.max_iters=-1 train_cfg.max_iters=1e3
        load_from=nowhere.pth resume=maybe model=5 model.backbone=5
        model.type=OCRNetDetecter model.scope=heads model.backbone.arch=resnet19
        model.backbone.width=nan model.backbone.width=-1 model.backbone.width=abc
        model.backbone.width=inf model.backbone.width=True model.backbone.frozen_stages=9
        model.backbone.frozen_stages=abc model.backbone.norm_eval=5
        model.backbone.out_indices=7 model.backbone.norm_cfg.type=XN
        model.backbone.norm_cfg.num_groups=3 model.neck.out_channels=0
        model.neck.out_channels=abc model.neck.out_channels=12 model.neck.num_outs=0
        model.neck.pool_bins=0,1 model.rpn_head.feat_channels=-4
        model.rpn_head.stacked_convs=0 model.rpn_head.stacked_convs=abc model.roi_head=None
        model.roi_head.aggregator.num_layers=0 model.roi_head.aggregator.num_layers=1.5
        model.roi_head.aggregator.num_heads=3 model.roi_head.aggregator.num_heads=True
        model.roi_head.aggregator.max_context=-1 model.roi_head.aggregator.ffn_ratio=nan
        model.roi_head.bbox_roi_extractor.out_channels=abc
        model.roi_head.bbox_roi_extractor.roi_size=0
        model.roi_head.bbox_head.num_classes=abc
        model.roi_head.bbox_head.loss_cls.loss_weight=-1
        model.test_cfg.rcnn.quality_weight=abc model.test_cfg.rcnn.quality_weight=-1
        model.test_cfg.rcnn.score_thr=abc model.test_cfg.rcnn.score_thr=5
        model.test_cfg.rcnn.max_per_img=1.5 model.test_cfg.rcnn.nms.iou_threshold=2
        model.train_cfg.rcnn.sampler.num=abc model.train_cfg.rcnn.assigner.type=NoAssigner
        optim_wrapper=5 optim_wrapper.optimizer=abc optim_wrapper.optimizer.type=Adamm
        optim_wrapper.optimizer.lr=abc optim_wrapper.optimizer.lr=-1
        optim_wrapper.optimizer.lr=inf optim_wrapper.optimizer.lr=nan
        optim_wrapper.optimizer.lr=True optim_wrapper.optimizer.betas=5
        optim_wrapper.optimizer.weight_decay=abc optim_wrapper.optimizer.weight_decay=inf
        optim_wrapper.clip_grad.max_norm=-1 optim_wrapper.clip_grad.max_norm=abc
        optim_wrapper.accumulative_counts=0 optim_wrapper.type=AmpOptimWrapper
        param_scheduler.0.end=abc param_scheduler.1.T_max=0
        param_scheduler.0.start_factor=nan param_scheduler.0.type=Linear randomness.seed=-1
        randomness.seed=abc randomness.seed=1.5 randomness.deterministic=abc
        train_dataloader.num_workers=-1 train_dataloader.num_workers=abc
        train_dataloader.batch_size=0 train_dataloader.batch_size=abc
        train_dataloader.sampler.type=NoSampler train_dataloader.dataset.type=CocoDatasett
        train_dataloader.prefetch_factor=0 train_cfg.val_interval=0
        train_cfg.val_interval=abc train_cfg.type=NoLoop train_cfg=abc
        default_hooks.checkpoint.interval=-5 default_hooks.checkpoint.interval=abc
        default_hooks.logger.interval=abc log_level=LOUD val_evaluator.metric=boxes
        custom_hooks=abc env_cfg.mp_cfg.mp_start_method=abc default_scope=5
        log_processor.window_size=abc""".split(),
    pretrain="""
        view_size=96
        model.weights=5 model.weights.boxes=-1 model.weights.boxes=nan
        model.weights.masks=abc model.weights.regions=inf model.weights.regions=True
        model.regions_per_view=0 model.regions_per_view=abc model.jitter=5
        model.jitter=(1,2,3) model.hidden_context=2 model.vector_size=0 model.min_score=abc
        model.frozen_parts=5 default_hooks.schedule.horizon=-1 default_hooks.schedule.horizon=0
        default_hooks.schedule.momentum=5 default_hooks.schedule.momentum=(0.9,nan)
        default_hooks.schedule.own_from=-1 default_hooks.schedule.own_from=abc
        default_hooks.schedule.sigma_from=2 default_hooks.monitor.interval=0
        default_hooks.monitor.interval=abc default_hooks.monitor.collapse.patience=0
        default_hooks.probe.interval=0 default_hooks.probe.ann_file=absent.json
        train_dataloader.dataset.seed=-1""".split(),
)


def pairs(options: dict) -> list[tuple[str, str]]:
    return [(name, option) for name, given in options.items() for option in given]


@pytest.mark.parametrize('name, option', pairs(REFUSED))
def test_an_odd_value_is_one_line_before_the_first_step(begin, name, option):
    line = begin(name, option)
    assert isinstance(line, str), f'{option} was accepted'
    assert '\n' not in line and len(line) < 500
    assert option.partition('=')[0].split('.')[-1] in line or option.partition('=')[2] in line, line


ACCEPTED = dict(
    fine="""
        train_dataloader.num_workers=0 val_dataloader.num_workers=1
        optim_wrapper.clip_grad=None randomness.seed=3 model.test_cfg.rcnn.quality_weight=0
        model.test_cfg.rcnn.max_per_img=-1 auto_scale_lr.enable=True
        optim_wrapper.accumulative_counts=2 model.backbone.with_cp=True
        model.roi_head.aggregator.max_context=0 train_dataloader.drop_last=True
        train_dataloader.batch_size=2
        param_scheduler.0.begin=0 optim_wrapper.paramwise_cfg.norm_decay_mult=0""".split(),
    pretrain="""
        model.weights.variance=1 default_hooks.schedule.horizon=4
        default_hooks.monitor.collapse.patience=5
        train_dataloader.persistent_workers=True model.weights.boxes=0""".split(),
)


@pytest.mark.parametrize('name, option', pairs(ACCEPTED))
def test_a_usual_value_trains(begin, name, option):
    assert begin(name, option) is True


def test_what_went_wrong_in_full_lies_in_the_work_folder(begin, tmp_path):
    line = begin('fine', 'optim_wrapper.optimizer.betas=5')
    assert 'optim_wrapper.optimizer.betas=5' in line and 'TypeError' in line
    kept = line.rpartition('all of it: ')[2].rstrip(')')
    assert 'Traceback' in open(kept).read()
