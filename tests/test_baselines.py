"""The named detectors of configs/baselines/ and mmdet's own: a step and a prediction on generated
pictures, by themselves, as arms of a comparison, and the stage without labels.
"""

import cv2
import mmengine
import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.runner import CheckpointLoader
from torch import nn

from demo.data_set import make_demo_set
from ocrnet_mmdet.compare.plan import Arm
from ocrnet_mmdet.compare.source import Source
from ocrnet_mmdet.config_tree import LOADERS, class_counts, settings
from ocrnet_mmdet.engine.checkpoint_check import repeat_agnostic, teacher_weights
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.regions import discover_regions
from ocrnet_mmdet.start import start

from .compare.test_configs import config_of
from .detectors import ROOT, tiny, view_batch
from .trainings import SHAPES, point_at

SIDE = 64  # pixels
LITE0 = Config.fromfile(ROOT / 'configs/_base_/lite0.py').lite0.init_cfg
FILES = {path.stem: str(path) for path in sorted((ROOT / 'configs/baselines').glob('*.py'))}
# What a comparison takes: Fast R-CNN reads its regions from a file.
ARMS = [name for name in FILES if name != 'fast_rcnn']
MASKS = ('mask_rcnn', 'cascade_mask_rcnn', 'rtmdet_ins')
UPSTREAM = [
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco',
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco',
    'cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco',
    'retinanet/retinanet_r50_fpn_1x_coco',
    'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco',
    'ssd/ssd300_coco',
    'yolo/yolov3_d53_8xb8-320-273e_coco',
    'yolox/yolox_tiny_8xb8-300e_coco',
    'rtmdet/rtmdet_tiny_8xb32-300e_coco',
    'rtmdet/rtmdet-ins_tiny_8xb32-300e_coco',
]


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """The generated set, and beside it regions discovered without labels for Fast R-CNN."""
    folder = tmp_path_factory.mktemp('baselines')
    make_demo_set(str(folder), train=4, val=2, unlabelled=0, size=SIDE)
    for part in ('train', 'val'):
        regions = {}
        for path in (folder / part).glob('*.jpg'):
            found = discover_regions(cv2.imread(str(path)), size=SIDE)
            regions[f'{part}/{path.name}'] = dict(bboxes=found.boxes, scores=found.scores)
        mmengine.dump(regions, str(folder / f'regions/{part}.pkl'))
    return folder


@pytest.fixture(scope='module')
def source(pictures, tmp_path_factory):
    """What tools/start.py wrote for the set."""
    mine = tmp_path_factory.mktemp('started') / 'mine'
    labels = [pictures / f'annotations/{part}.json' for part in ('train', 'val')]
    start(pictures, *labels, 0.2, 0, True, mine, ROOT / 'configs')
    return Source(mine)


def own_config(name, pictures):
    """A file of the folder on the generated set."""
    cfg = Config.fromfile(FILES[name])
    point_at(cfg, pictures, SHAPES)
    for loader in LOADERS:
        cfg[loader].dataset.data_prefix = dict(img='')
    for _, part in class_counts(cfg.model):
        part.num_classes = len(SHAPES)
    return cfg


def batch_of(cfg, model, loader='train_dataloader', side=SIDE):
    """Two pictures of ``side`` px through the config's pipeline and the model's preprocessor."""
    data = cfg[loader].dataset
    for _, _, step in settings(data.pipeline):
        if isinstance(step, dict):
            step.update({k: (side, side) for k in ('scale', 'crop_size') if k in step})
    dataset = DATASETS.build(data)
    batch = pseudo_collate([dataset[i] for i in range(2)])
    return model.data_preprocessor(batch, loader == 'train_dataloader')


def built(cfg):
    """The config's model, which returns boxes of any score, and few."""
    for _, _, value in settings(cfg.model):
        if isinstance(value, dict):
            few = dict(score_thr=0.0, conf_thr=0.0, max_per_img=20)
            value.update({key: number for key, number in few.items() if key in value})
    return tiny(cfg.model)


def assert_trains(cfg, model, side=SIDE):
    loss, _ = model.parse_losses(model(**batch_of(cfg, model, side=side), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()
    trained = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert not [name for name, grad in trained.items() if grad is None]
    for part in {'.'.join(name.split('.')[: 1 + ('roi_head' in name)]) for name in trained}:
        assert any(g.abs().sum() > 0 for n, g in trained.items() if n.startswith(part)), part


def assert_predicts(cfg, model, masks, side=SIDE):
    model.eval()
    with torch.no_grad():
        samples = model(**batch_of(cfg, model, 'val_dataloader', side), mode='predict')
    for sample in samples:
        found = sample.pred_instances
        height, width = sample.ori_shape
        assert len(found) and torch.isfinite(found.bboxes).all()
        centres = (found.bboxes[:, :2] + found.bboxes[:, 2:]) / 2
        edge = 1e-3 + 0.5 * side * ('yolo' in type(model).__name__.lower())  # they clip no box
        assert (centres >= -edge).all()
        assert (centres <= centres.new_tensor([width, height]) + edge).all()
        assert ('masks' in found) == masks
        if masks:
            assert tuple(found.masks.shape) == (len(found), height, width)


@pytest.mark.parametrize('name', FILES)
def test_a_baseline_trains_and_predicts_by_itself(name, pictures):
    cfg = own_config(name, pictures)
    assert {'NumClassCheckHook', 'OCRNetFiniteLossHook'} <= {h.type for h in cfg.custom_hooks}
    assert cfg.val_evaluator.metric == (['bbox', 'segm'] if name in MASKS else ['bbox'])
    model = built(cfg)
    assert_trains(cfg, model)
    assert_predicts(cfg, model, name in MASKS)


def encoder_state(model: nn.Module) -> dict:
    return {k: v for k, v in model.backbone.state_dict().items() if 'num_batches' not in k}


@pytest.mark.parametrize('name', ARMS)
def test_an_arm_has_our_encoder_from_either_start(name, source, tmp_path):
    starts = {}
    for start_name in ('imagenet', 'random'):
        cfg = config_of(source, tmp_path, Arm(start_name, FILES[name]))
        model = tiny(cfg.model)
        assert_trains(cfg, model)
        starts[start_name] = encoder_state(model)
        kinds = {type(m).__name__ for m in model.backbone.modules()}
        assert ('GroupNorm' in kinds) == (start_name == 'random')
    file = CheckpointLoader.load_checkpoint(LITE0.checkpoint)
    stem = 'body.features.0.conv.weight'
    assert torch.equal(starts['imagenet'][stem], file['_conv_stem.weight'])
    ours = encoder_state(tiny(Config.fromfile(ROOT / 'configs/_base_/ocrnet_lite0.py').model))
    assert ours.keys() == starts['imagenet'].keys()
    assert all(torch.equal(value, ours[key]) for key, value in starts['imagenet'].items())
    assert not torch.equal(starts['random'][stem], starts['imagenet'][stem])


@pytest.mark.parametrize('config', UPSTREAM)
def test_mmdets_own_file_is_an_arm_by_its_name(config, source, tmp_path):
    cfg = config_of(source, tmp_path, Arm('random', f'mmdet::{config}.py'))
    model = built(cfg)
    side = 300 if 'ssd300' in config else SIDE  # its last level has 1 pixel then
    assert_trains(cfg, model, side)
    assert_predicts(cfg, model, 'segm' in cfg.val_evaluator.metric, side)


def pretrainer(cfg):
    """The label-free stage of a detector, as _base_/pretrain.py has it."""
    recipe = Config.fromfile(ROOT / 'configs/_base_/pretrain.py').pretrainer
    if not cfg.model.roi_head.get('mask_head'):
        recipe.weights.masks = 0.0
    return tiny(ConfigDict(recipe, detector=cfg.model))


@pytest.mark.parametrize('name', ['faster_rcnn', 'mask_rcnn'])
def test_the_stage_trains_a_two_stage_baseline_and_fills_it(name):
    cfg = Config.fromfile(FILES[name])
    stage = pretrainer(cfg)
    loss, _ = stage.parse_losses(stage(**view_batch(stage), mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()
    assert not [n for n, p in stage.named_parameters() if p.requires_grad and p.grad is None]
    for _, part in class_counts(cfg.model):
        part.num_classes = len(SHAPES)
    model = tiny(cfg.model)
    state = teacher_weights(stage.state_dict())
    repeat_agnostic(model, state)
    left = model.load_state_dict(state, strict=False)
    assert not left.unexpected_keys
    assert {key.rsplit('.', 1)[0] for key in left.missing_keys} == {'roi_head.bbox_head.fc_cls'}


@pytest.mark.parametrize(
    'start_name, name, words',
    [
        ('random', 'fast_rcnn', 'reads its regions from a file'),
        ('stage', 'cascade_mask_rcnn', 'is a cascade'),
        ('stage', 'yolox', 'is no two-stage detector'),
    ],
)
def test_an_arm_that_cannot_be_is_refused_in_the_plan(start_name, name, words, source, tmp_path):
    with pytest.raises(InputError, match=f'arm arm: .*{name}.*{words}'):
        config_of(source, tmp_path, Arm(start_name, FILES[name]))


def test_a_head_of_masks_is_refused_where_labels_have_none(source, tmp_path):
    source.with_masks, before = False, source.with_masks
    try:
        with pytest.raises(InputError, match='rtmdet_ins.* learns masks in its head'):
            config_of(source, tmp_path, Arm('random', FILES['rtmdet_ins']))
        assert (
            config_of(source, tmp_path, Arm('random', FILES['mask_rcnn'])).model.roi_head[
                'mask_head'
            ]
            is None
        )
    finally:
        source.with_masks = before


def test_a_backbone_from_random_weights_learns_its_norm_layers(source, tmp_path):
    for config in ('yolo/yolov3_d53_8xb8-320-273e_coco', UPSTREAM[4]):
        cfg = config_of(source, tmp_path, Arm('random', f'mmdet::{config}.py'))
        backbone = MODELS.build(cfg.model.backbone)
        backbone.train()
        norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
        assert norms and all(m.training and m.weight.requires_grad for m in norms)


def test_batches_keep_the_sizes_of_the_users_data(source, tmp_path):
    cfg = config_of(source, tmp_path, Arm('random', f'mmdet::{UPSTREAM[7]}.py'))
    assert 'batch_augments' not in cfg.model.data_preprocessor
