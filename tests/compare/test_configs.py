import shutil

import pytest
from mmengine.config import Config, ConfigDict

from demo.data_set import make_demo_set
from ocrnet_mmdet.compare.backbone import has_imagenet
from ocrnet_mmdet.compare.configs import Configs
from ocrnet_mmdet.compare.plan import Arm, Plan
from ocrnet_mmdet.compare.runs import State
from ocrnet_mmdet.compare.source import Source
from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.start import start

from ..detectors import ROOT

FASTER = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
RTMDET = 'mmdet::rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py'
RETINA = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    pictures = folder / 'pictures'
    make_demo_set(str(pictures), train=4, val=2, unlabelled=0, size=64)
    labels = [pictures / 'annotations' / name for name in ('train.json', 'val.json')]
    start(pictures, *labels, 0.2, 0, True, folder / 'mine', ROOT / 'configs')
    return Source(folder / 'mine')


def config_of(source, out, arm, labels=4, steps=8):
    """The resolved config of an arm's first run: of the stage where it has one."""
    plan = Plan(source.path, dict(arm=arm), (labels,), (0,), (steps,), (1e-3,))
    configs = Configs(source, plan, out, source.pictures_without_labels() if arm.stage else [])
    run = next(State(plan, configs.hashes, 100, []).pending())
    return Config.fromfile(configs.write(run, source.train_file, source.val_file))


def test_starts_differ_in_the_encoder_alone(source, tmp_path):
    random = config_of(source, tmp_path, Arm('random'))
    imagenet = config_of(source, tmp_path, Arm('imagenet'))
    assert random.model.backbone.init_cfg is None and random.model.backbone.norm_cfg.type == 'GN'
    assert imagenet.model.backbone.init_cfg.type == 'Pretrained'
    for cfg in (random, imagenet):
        cfg.model.pop('backbone')
        cfg.work_dir = ''
        cfg.val_evaluator.outfile_prefix = cfg.test_evaluator.outfile_prefix = ''
    assert random.to_dict() == imagenet.to_dict()


def test_the_stage_from_random_has_the_net_of_random(source, tmp_path):
    stage = config_of(source, tmp_path, Arm('stage'))
    random = config_of(source, tmp_path, Arm('random'))
    assert stage.model.detector.backbone == random.model.backbone
    on_imagenet = config_of(source, tmp_path, Arm('stage_imagenet'))
    assert on_imagenet.model.detector.backbone.init_cfg.type == 'Pretrained'


@pytest.mark.parametrize(
    'config, head, masks',
    [(FASTER, ('roi_head', 'bbox_head'), False), (RTMDET, ('bbox_head',), True)],
)
def test_a_named_detector_gets_the_users_data(source, tmp_path, config, head, masks):
    cfg = config_of(source, tmp_path, Arm('random', config))
    part = cfg.model
    for name in head:
        part = part[name]
    assert part.num_classes == 5 and cfg.model.backbone.get('init_cfg') is None
    assert cfg.val_evaluator.metric == (['bbox', 'segm'] if masks else ['bbox'])
    assert cfg.train_dataloader.dataset.ann_file == str(source.train_file)
    assert 'SyncBN' not in cfg.pretty_text


def test_a_two_stage_detector_is_pretrained_without_masks(source, tmp_path):
    cfg = config_of(source, tmp_path, Arm('stage', FASTER))
    assert cfg.model.type == 'OCRNetPretrainer' and cfg.model.weights.masks == 0
    assert cfg.model.detector.type == 'FasterRCNN' and cfg.model.detector.backbone.depth == 50


@pytest.mark.parametrize(
    'arm, words',
    [
        (Arm('stage', RETINA), 'no two-stage detector'),
        (Arm('imagenet', str(ROOT / 'configs/benchmark/stock_tiny.py')), 'no ImageNet weights'),
        (Arm('random', 'mmdet::none/none.py'), 'cannot be read'),
    ],
)
def test_a_start_that_a_detector_cannot_have_is_refused(source, tmp_path, arm, words):
    with pytest.raises(InputError, match=f'arm arm: .*{words}'):
        config_of(source, tmp_path, arm)


def test_the_hash_follows_what_a_run_is_made_from(source, tmp_path):
    plan = Plan(source.path, dict(a=Arm('imagenet'), b=Arm('stage')), (4,), (0,), (8,), (1e-3,))
    names = source.pictures_without_labels()
    first = Configs(source, plan, tmp_path, names).hashes
    assert first == Configs(source, plan, tmp_path, names).hashes
    fewer = Configs(source, plan, tmp_path, names[1:]).hashes
    assert fewer['a'] == first['a'] and fewer['b'] != first['b']
    source.finetune.optim_wrapper.optimizer.weight_decay = 0.5
    changed = Configs(source, plan, tmp_path, names).hashes
    assert changed['a'] != first['a']


def test_weights_that_finetune_names_reach_no_arm(source, tmp_path):
    mine = tmp_path / 'mine'
    shutil.copytree(source.path, mine)
    for name in ('finetune', 'pretrain'):
        with open(mine / f'{name}.py', 'a') as file:
            file.write("load_from = 'pretrained_detector.pth'\nresume = True\n")
    for arm in (Arm('random'), Arm('imagenet'), Arm('stage')):
        cfg = config_of(Source(mine), tmp_path / 'out', arm)
        assert cfg.load_from is None and cfg.resume is False


def test_each_stage_pays_for_its_own_regions(source, tmp_path):
    caches = []
    for seed in (0, 1):
        plan = Plan(source.path, dict(a=Arm('stage')), (4,), (0, 1), (8,), (1e-3,))
        configs = Configs(source, plan, tmp_path, source.pictures_without_labels())
        run = State(plan, configs.hashes, 100, []).pretraining('a', seed)
        cfg = Config.fromfile(configs.write(run, None, source.val_file))
        steps = cfg.train_dataloader.dataset.pipeline
        caches += [step.cache_dir for step in steps if 'cache_dir' in step]
        assert cfg.train_dataloader.dataset.bad_files.startswith(cfg.work_dir)
        assert caches[-1].startswith(cfg.work_dir)
    assert len({*caches}) == 2


@pytest.mark.parametrize('text', ['model = (', 'a = 1', 'train_dataloader = dict()'])
def test_configs_of_somebody_else_are_refused(source, tmp_path, text):
    shutil.copytree(source.path, tmp_path / 'mine')
    (tmp_path / 'mine/finetune.py').write_text(text)
    with pytest.raises(InputError, match='are not those of tools/start.py'):
        Source(tmp_path / 'mine')


def test_weights_in_a_list_are_seen():
    assert has_imagenet(ConfigDict(init_cfg=[dict(type='Kaiming'), dict(type='Pretrained')]))
    assert not has_imagenet(ConfigDict(init_cfg=None))


def test_the_users_own_schedule_is_kept_in_the_length_of_a_run(source, tmp_path):
    mine = tmp_path / 'mine'
    shutil.copytree(source.path, mine)
    with open(mine / 'finetune.py', 'a') as file:
        file.write(
            "param_scheduler = [dict(type='MultiStepLR', by_epoch=False, "
            'milestones=[max_iters // 2, max_iters * 3 // 4], gamma=0.2)]\n'
        )
    cfg = config_of(Source(mine), tmp_path / 'out', Arm('random'), steps=40)
    (scheduler,) = cfg.param_scheduler
    assert scheduler == dict(type='MultiStepLR', by_epoch=False, milestones=[20, 30], gamma=0.2)
