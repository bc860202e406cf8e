"""Every config of the repository builds its model and trains a step, narrow and at 64 px."""
import numpy as np
import pytest
import torch
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks
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


@pytest.mark.parametrize('name', ['configs/benchmark/ocrnet_tiny.py', 'configs/demo/ocrnet_demo.py',
                                  'configs/ocrnet_coco_1024.py'])
def test_slivers_that_a_crop_leaves_of_objects_are_not_trained_on(name):
    pipeline = Config.fromfile(ROOT / name).train_dataloader.dataset.pipeline
    crop, keep_whole = [TRANSFORMS.build(step) for step in pipeline
                        if step.type in ('RandomCrop', 'FilterAnnotations')]
    crop.crop_size = (40, 40)

    def cropped(left):
        boxes = np.array([[left, 10, 60, 30]], dtype=np.float32)
        polygon = np.array([left, 10, 60, 10, 60, 30, left, 30], dtype=np.float64)
        crop._rand_offset = lambda margin: (0, 0)
        return keep_whole(crop(dict(
            img=np.zeros((64, 64, 3), np.uint8), gt_bboxes=HorizontalBoxes(boxes),
            gt_masks=PolygonMasks([[polygon]], 64, 64), gt_bboxes_labels=np.array([0]),
            gt_ignore_flags=np.array([False]))))

    sliver, part = cropped(37), cropped(35)
    assert len(sliver['gt_bboxes']) == len(sliver['gt_masks']) == 0  # an empty crop, not another one
    assert part['gt_bboxes'].tensor.tolist() == [[35, 10, 40, 30]] and len(part['gt_masks']) == 1
