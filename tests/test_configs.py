"""Every config of the repository builds its model and trains a step without a network, at 64 px."""

import inspect
import re

import numpy as np
import pytest
import torch
from mmdet.registry import HOOKS, MODELS, TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks
from mmengine.config import Config, ConfigDict

from ocrnet_mmdet.pretraining.monitors import CollapseMonitor
from tools.check_environment import DISTRIBUTIONS, RESNET50

from .detectors import ROOT, data_batch, tiny, view_batch

# the classifier: models/test_classifier.py; the baselines: test_baselines.py
ALL = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'baselines'} & {*path.parts} and path.stem != 'ocrnet_classification'
)
PRETRAINING = [name for name in ALL if 'pretrain' in name]
CONFIGS = [name for name in ALL if name not in PRETRAINING]


def without_network(backbone: ConfigDict) -> None:
    """Weights that would be downloaded stay random; what an installed package brings is loaded."""
    if backbone.get('init_cfg') and '://download.' in backbone.init_cfg.checkpoint:
        backbone.init_cfg = None


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_trains_a_step(name):
    cfg = Config.fromfile(ROOT / name)
    assert cfg.auto_scale_lr.base_batch_size in (4, 16)
    hooks = {hook.type for hook in cfg.custom_hooks}
    assert hooks >= {'NumClassCheckHook', 'OCRNetCheckpointCheckHook', 'OCRNetFiniteLossHook'}
    assert cfg.default_hooks.checkpoint.save_best == 'coco/bbox_mAP'
    without_network(cfg.model.backbone)
    cfg.model.data_preprocessor.pop('batch_augments', None)
    model = tiny(cfg.model)
    loss, _ = model.parse_losses(model(**data_batch(model), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()


@pytest.mark.parametrize('name', PRETRAINING)
def test_a_pretraining_config_trains_a_step_and_seeds_its_runs(name):
    cfg = Config.fromfile(ROOT / name)
    assert cfg.auto_scale_lr.base_batch_size in (8, 32)
    assert {'OCRNetPretrainHook', 'OCRNetExportHook'} <= {
        hook.type for hook in cfg.default_hooks.values()
    }
    assert 'OCRNetFiniteLossHook' in {hook.type for hook in cfg.custom_hooks}
    assert cfg.randomness.seed is not None
    backbone = cfg.model.detector.backbone
    without_network(backbone)
    if backbone.norm_cfg.type == 'SyncBN':  # needs a GPU
        backbone.norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
    model = tiny(cfg.model)
    loss, _ = model.parse_losses(model(**view_batch(model), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()


def recipe() -> list[tuple[str, dict, dict]]:
    """Every part of the pretraining's recipe: its class, what the config sets, what the class has
    by itself.
    """
    cfg = Config.fromfile(ROOT / 'configs/_base_/pretrain.py')
    hooks = cfg.default_hooks
    parts = [
        (MODELS, cfg.pretrainer),
        (MODELS, cfg.pretrainer.region_loss),
        (TRANSFORMS, cfg.discover),
        (TRANSFORMS, cfg.views),
        *((HOOKS, hooks[name]) for name in ('schedule', 'monitor', 'probe', 'export')),
    ]
    found = [(part.type, dict(part), registry.get(part.type)) for registry, part in parts]
    found.append(('CollapseMonitor', dict(hooks.monitor.collapse), CollapseMonitor))
    return [
        (name, given, {key: p.default for key, p in inspect.signature(made).parameters.items()})
        for name, given, made in found
    ]


@pytest.mark.parametrize(
    'name, given, own', recipe(), ids=lambda value: value if isinstance(value, str) else ''
)
def test_the_recipe_stands_in_the_config_as_in_the_class(name, given, own):
    assert given.keys() - {'type'} == own.keys() - {'detector'}
    own = own | dict(cache_dir='work_dirs/regions')  # of the run, not of the recipe
    nested = dict(region_loss=dict(type='OCRNetRegionLoss'), collapse={})  # looked at by themselves
    for key in given.keys() - {'type'}:
        if own[key] is not inspect.Parameter.empty:
            assert own[key] == nested.get(key, given[key]), key


@pytest.mark.parametrize('path', (ROOT / 'configs').rglob('*.py'), ids=lambda path: path.stem)
def test_weights_have_plain_addresses_that_the_check_knows(path):
    for checkpoint in re.findall(r"checkpoint=\s*'(\w+://.*?)'", path.read_text()):
        package = DISTRIBUTIONS['lite0'][0].replace('-', '_')
        assert checkpoint == RESNET50 or checkpoint.startswith(f'package://{package}/'), checkpoint


def test_the_pretraining_is_of_the_net_that_it_is_handed_to():
    for name in ('ocrnet_small_data', 'ocrnet_coco'):
        other = name.replace('coco', 'pretrain') if 'coco' in name else f'{name}_pretrain'
        ours = Config.fromfile(ROOT / f'configs/{name}.py').model
        given = Config.fromfile(ROOT / f'configs/{other}.py').model.detector
        shapes = [
            {key: value.shape for key, value in MODELS.build(model).state_dict().items()}
            for model in (ours, given)
        ]
        differ = {key for key in shapes[0] if shapes[1].get(key) != shapes[0][key]}
        assert all('fc_cls' in key for key in differ), differ
        assert ours.data_preprocessor == given.data_preprocessor


def test_one_switch_trains_the_aggregator_alone():
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    cfg.merge_from_dict({'model.scope': 'aggregator'})
    trained = {
        name.split('.')[0] for name, p in tiny(cfg.model).named_parameters() if p.requires_grad
    }
    assert trained == {'roi_head'}


@pytest.mark.parametrize(
    'name',
    [
        'configs/benchmark/ocrnet_tiny.py',
        'configs/demo/ocrnet_demo.py',
        'configs/ocrnet_coco_1024.py',
    ],
)
def test_slivers_at_a_crops_edge_are_not_trained_on(name):
    pipeline = Config.fromfile(ROOT / name).train_dataloader.dataset.pipeline
    crop, keep_whole = [
        TRANSFORMS.build(step)
        for step in pipeline
        if step.type in ('RandomCrop', 'FilterAnnotations')
    ]
    crop.crop_size = (40, 40)

    def cropped(left):
        boxes = np.array([[left, 10, 60, 30]], dtype=np.float32)
        polygon = np.array([left, 10, 60, 10, 60, 30, left, 30], dtype=np.float64)
        crop._rand_offset = lambda margin: (0, 0)
        return keep_whole(
            crop(
                dict(
                    img=np.zeros((64, 64, 3), np.uint8),
                    gt_bboxes=HorizontalBoxes(boxes),
                    gt_masks=PolygonMasks([[polygon]], 64, 64),
                    gt_bboxes_labels=np.array([0]),
                    gt_ignore_flags=np.array([False]),
                )
            )
        )

    sliver, part = cropped(37), cropped(35)
    # an empty crop, not another one
    assert len(sliver['gt_bboxes']) == len(sliver['gt_masks']) == 0
    assert part['gt_bboxes'].tensor.tolist() == [[35, 10, 40, 30]] and len(part['gt_masks']) == 1
