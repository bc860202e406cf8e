"""Every config of the repository builds its model and trains a step, narrow and at 64 px."""
import pytest
import torch
from mmengine.config import Config

from .detectors import ROOT, data_batch, tiny, view_batch

ALL = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*.py')
             if '_base_' not in path.parts
             and path.stem != 'ocrnet_classification')  # no detector: models/test_classifier.py
PRETRAINING = [name for name in ALL if 'pretrain' in name]
CONFIGS = [name for name in ALL if name not in PRETRAINING]


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_trains_a_step_and_names_what_every_training_needs(name):
    cfg = Config.fromfile(ROOT / name)
    assert cfg.auto_scale_lr.base_batch_size in (4, 16)
    hooks = {hook.type for hook in cfg.custom_hooks}
    assert hooks >= {'NumClassCheckHook', 'OCRNetCheckpointCheckHook', 'OCRNetFiniteLossHook'}
    assert cfg.default_hooks.checkpoint.save_best == 'auto'
    cfg.model.backbone.init_cfg = None
    cfg.model.data_preprocessor.pop('batch_augments', None)
    model = tiny(cfg.model)
    loss, _ = model.parse_losses(model(**data_batch(model), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()


@pytest.mark.parametrize('name', PRETRAINING)
def test_a_pretraining_config_trains_a_step_and_seeds_its_runs(name):
    cfg = Config.fromfile(ROOT / name)
    assert cfg.auto_scale_lr.base_batch_size in (8, 32)
    assert {hook.type for hook in cfg.custom_hooks} == {'OCRNetPretrainHook', 'OCRNetFiniteLossHook'}
    assert cfg.randomness.seed is not None
    cfg.model.detector.backbone.norm_cfg = dict(type='GN', num_groups=8, requires_grad=True)
    model = tiny(cfg.model)
    loss, _ = model.parse_losses(model(**view_batch(model), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()


def test_one_switch_trains_the_aggregator_alone():
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    cfg.merge_from_dict({'model.scope': 'aggregator'})
    trained = {name.split('.')[0] for name, p in tiny(cfg.model).named_parameters()
               if p.requires_grad}
    assert trained == {'roi_head'}
