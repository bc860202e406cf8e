import math

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, VISBACKENDS
from mmengine.hooks import Hook
from mmengine.visualization import BaseVisBackend

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining import hook as hook_module
from ocrnet_mmdet.pretraining import pretrainer as pretrainer_module
from ocrnet_mmdet.pretraining.pretrainer import TERMS, OCRNetPretrainer

from .runs import make_config, start, write_pictures

OFF = dict.fromkeys(TERMS, 0.0)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('data') / 'pictures', 4)


def small(pictures, work_dir, steps, hook: dict = dict(), **model):
    """Two pictures a step, no checkpoint of the training."""
    cfg = make_config(pictures, work_dir, steps, **model)
    cfg.train_dataloader.batch_size = 2
    cfg.default_hooks.checkpoint.update(interval=steps + 1, save_last=False)
    cfg.default_hooks.logger.interval = 1000
    cfg.custom_hooks = [dict(type='OCRNetPretrainHook', **hook)]
    return cfg


class Schedules(Hook):
    """What the pretrainer was set to in each step; it runs after the hook under test."""

    priority = 'LOW'

    def __init__(self) -> None:
        self.sigma, self.own = [], []

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        self.sigma.append(runner.model.sigma_share)
        self.own.append(runner.model.own_regions)


@VISBACKENDS.register_module(force=True)
class CollectedScalars(BaseVisBackend):
    """Stands for TensorBoard."""

    names: set[str] = set()
    experiment = None

    def _init_env(self) -> None:
        pass

    def add_scalars(self, scalar_dict, *args, **kwargs) -> None:
        self.names.update(scalar_dict)


def test_momentum_and_sigma_follow_their_schedules(pictures, tmp_path, monkeypatch):
    momenta, seen = [], Schedules()
    update = OCRNetPretrainer.update_teacher
    monkeypatch.setattr(OCRNetPretrainer, 'update_teacher',
                        lambda model, m: (momenta.append(m), update(model, m)))
    hook = dict(momentum=(0.9, 1.0), horizon=4.0, sigma_from=0.25)
    start(small(pictures, tmp_path, 8, hook, weights=OFF | dict(regions=1.0)), seen)
    assert momenta == pytest.approx(
        [min(1 - 0.1 * (math.cos(math.pi * k / 8) + 1) / 2, 1 - 1 / 32) for k in range(8)])
    assert seen.sigma == [0, 0, 0, 0.5, 1, 1, 1, 1]


def test_the_teacher_of_the_switch_finds_the_regions_from_then_on(pictures, tmp_path, monkeypatch):
    seen, teachers = Schedules(), []
    update = OCRNetPretrainer.update_finder
    monkeypatch.setattr(OCRNetPretrainer, 'update_finder', lambda model: (
        teachers.append({key: value.clone() for key, value in model.teacher.state_dict().items()}), update(model)))
    hook = dict(own_from=0.5)
    model = start(small(pictures, tmp_path, 6, hook, weights=OFF | dict(regions=1.0), min_score=0.0), seen).model
    assert seen.own == [False, False, False, True, True, True]
    taken, = teachers
    assert all(value.equal(taken[key]) for key, value in model.finder.state_dict().items())
    assert any(not value.equal(taken[key]) for key, value in model.teacher.state_dict().items())


def test_own_regions_that_begin_at_a_resume_are_the_resumed_teacher_s(pictures, tmp_path, monkeypatch):
    only = dict(weights=OFF | dict(regions=1.0), min_score=0.0)
    begun = small(pictures, tmp_path, 4, {}, **only)
    begun.train_cfg.max_iters = begun.default_hooks.checkpoint.interval = 2
    taught = start(begun).model.teacher.state_dict()
    cfg = small(pictures, tmp_path, 4, dict(own_from=0.25), **only)
    cfg.resume = True
    model = start(cfg).model
    assert all(value.equal(taught[key]) for key, value in model.finder.state_dict().items())


def test_a_pretraining_goes_on_from_an_exported_detector(pictures, tmp_path):
    only = OFF | dict(regions=1.0)
    cfg = small(pictures, tmp_path / 'a', 2, weights=only)
    cfg.default_hooks.checkpoint.interval = 2
    start(cfg)
    exported = tmp_path / 'a/pretrained_detector.pth'
    cfg = small(pictures, tmp_path / 'b', 1, weights=only)
    cfg.load_from, cfg.optim_wrapper.optimizer.lr = str(exported), 0.0
    model = start(cfg).model
    content = torch.load(exported, weights_only=True)
    stopped = torch.load(tmp_path / 'a/iter_2.pth', weights_only=False)
    assert content['meta']['untrained'] == stopped['meta']['untrained'] == ['roi_head']
    for key, value in content['state_dict'].items():
        assert value.equal(model.student.state_dict()[key]) and value.equal(model.teacher.state_dict()[key])


@pytest.mark.parametrize('key', ['other', 'student.other'])
def test_a_pretraining_refuses_weights_of_another_architecture(pictures, tmp_path, key):
    torch.save(dict(state_dict={key: torch.zeros(2)}), tmp_path / 'other.pth')
    cfg = small(pictures, tmp_path, 1, weights=OFF | dict(regions=1.0))
    cfg.load_from = str(tmp_path / 'other.pth')
    with pytest.raises(InputError, match='nothing in it fits backbone'):
        start(cfg)


def test_the_discovered_regions_stay_by_default(pictures, tmp_path):
    seen = Schedules()
    start(small(pictures, tmp_path, 2, weights=OFF | dict(masks=1.0)), seen)
    assert seen.own == [False, False]


# a fifth of the patience, to be quick
COLLAPSE = dict(interval=5, collapse=dict(patience=20))


def test_a_literal_loss_run_is_stopped_by_one_line_and_nothing_is_exported(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 60, COLLAPSE, weights=OFF | dict(vector=0.1),
                region_loss=dict(type='OCRNetRegionLoss', form='literal'))
    with pytest.raises(InputError, match='have collapsed.*nothing was exported, there is no checkpoint'
                       ) as said:
        start(cfg)
    assert len(str(said.value).splitlines()) == 1
    assert not list(tmp_path.glob('*.pth'))


def test_a_healthy_run_is_not_stopped(pictures, tmp_path):
    start(small(pictures, tmp_path, 30, COLLAPSE))
    assert (tmp_path / 'pretrained_detector.pth').is_file()


class Impatient(Hook):
    """An alarm's 300 steps of patience made 25."""

    def before_train(self, runner) -> None:
        hook = next(hook for hook in runner.hooks if hasattr(hook, 'alarms'))
        hook.alarms['box_level'].patience, hook.alarms['box_level'].window = 25, 10


def box_run(tmp_path) -> int:
    """How often the alarm speaks in 50 steps of the box term alone, on white squares on black."""
    pictures, rng = tmp_path / 'pictures', np.random.default_rng(0)
    pictures.mkdir()
    for i in range(4):
        image = np.zeros((72, 80, 3), np.uint8)
        for left in (8, 32, 56):
            x, y = left + int(rng.integers(0, 6)), int(rng.integers(6, 44))
            image[y:y + 18, x:x + 16] = 255
        cv2.imwrite(str(pictures / f'{i}.png'), image)
    cfg = small(pictures, tmp_path / 'work', 50, dict(interval=1), weights=OFF | dict(boxes=1.0),
                jitter=(0.3, 0.3))
    cfg.optim_wrapper.optimizer.lr = 3e-3
    start(cfg, Impatient())
    log = next((tmp_path / 'work').glob('*/*.log')).read_text()
    return log.count('loss_boxes has been no better than a constant prediction')


def test_boxes_that_the_features_tell_raise_no_alarm(tmp_path):
    assert box_run(tmp_path) == 0


def test_boxes_read_from_other_views_raise_the_alarm_once(tmp_path, monkeypatch):
    forward = pretrainer_module.box_forward
    monkeypatch.setattr(pretrainer_module, 'box_forward', lambda head, levels, *args: forward(
        head, [level[torch.randperm(len(level))] for level in levels], *args))
    assert box_run(tmp_path) == 1


@pytest.mark.parametrize('steps, patience, count', [(2, 100, 1), (4, 2, 2)])
def test_a_run_that_sees_no_region_says_so(tmp_path, monkeypatch, steps, patience, count):
    """At its end, and before if it lasts."""
    monkeypatch.setattr(hook_module, 'NO_REGION_STEPS', patience)
    (tmp_path / 'pictures').mkdir()
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'pictures/{i}.png'), np.full((70, 90, 3), 128 + i, np.uint8))
    start(small(tmp_path / 'pictures', tmp_path / 'work', steps, dict(interval=1), weights=OFF | dict(masks=1.0)))
    log = next((tmp_path / 'work').glob('*/*.log')).read_text()
    assert log.count('no view that was looked at had a region') == count


def test_the_monitors_reach_a_backend_that_the_config_names(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 4, dict(interval=2))
    cfg.default_hooks.logger.interval = 2
    cfg.visualizer.update(vis_backends=[dict(type='CollectedScalars')], name='collected')
    start(cfg)
    assert {'spread', 'retrieval', 'candidate_recall', 'box_level_ratio'} <= CollectedScalars.names


@DATASETS.register_module(force=True)
class NoPictures(torch.utils.data.Dataset):
    metainfo: dict = {}

    def __init__(self, **kwargs) -> None:
        pass

    def __len__(self) -> int:
        return 2


def test_the_hook_refuses_other_data(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.train_dataloader.update(dataset=dict(type='NoPictures'), sampler=dict(type='InfiniteSampler'))
    with pytest.raises(InputError, match='cannot read NoPictures: take OCRNetImageFolder'):
        start(cfg)


def test_the_hook_refuses_a_sampler_that_shows_the_same_views_in_every_epoch(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler')
    with pytest.raises(InputError, match='with InfiniteSampler a picture has the same two views.*OCRNetVariationSampler'):
        start(cfg)


def test_the_hook_refuses_a_loop_that_waits_for_the_samplers_end(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    with pytest.raises(InputError, match='EpochBasedTrainLoop counts epochs: set train_cfg.type=IterBasedTrainLoop'):
        start(cfg)


def test_regions_of_an_untrained_region_head_are_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1, dict(own_from=0.5), weights=OFF | dict(masks=1.0))
    with pytest.raises(InputError, match='own_from=0.5 takes the regions of a region head that is not trained'):
        start(cfg)


def test_own_regions_that_are_none_are_warned_of(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(hook_module, 'NO_REGION_STEPS', 2)
    start(small(pictures, tmp_path, 8, dict(own_from=0.5, interval=1), weights=OFF | dict(regions=1.0), min_score=1.1))
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert log.count("the teacher's candidates have scores below 1.1") == 2  # after two steps of them, and at the end
    assert 'discover_regions finds' not in log


def resumable(pictures, work_dir, steps, length):
    """``steps`` steps of a run whose learning rate falls to its end at ``length``."""
    cfg = small(pictures, work_dir, steps, weights=OFF | dict(regions=1.0))
    cfg.default_hooks.checkpoint.interval = 2
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=length, T_max=length)]
    return cfg


def test_a_resumed_run_keeps_length_seed_and_file(pictures, tmp_path):
    first = resumable(pictures, tmp_path, 2, 4)
    first.train_dataloader.dataset.seed = 5
    start(first)

    def again(length, seed, load_from=None):
        cfg = resumable(pictures, tmp_path, 4, length)
        cfg.train_dataloader.dataset.seed, cfg.resume, cfg.load_from = seed, True, load_from
        return start(cfg)

    with pytest.raises(InputError, match=r'learning-rate schedules end at \[4\], the config\'s end at \[8\]'):
        again(8, 5)
    with pytest.raises(InputError, match='drawn with seed 5, the config has 0: resume with train_dataloader.dataset.seed=5'):
        again(4, 0)
    exported = f'{tmp_path}/pretrained_detector.pth'
    with pytest.raises(InputError, match='holds no training to go on with.*leave --resume out and set load_from=.*detector.pth'):
        again(4, 5, exported)
    assert again(4, 5).iter == 4


def test_the_hook_refuses_another_model(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.model = cfg.model.detector
    with pytest.raises(InputError, match='needs model.type=OCRNetPretrainer, .* OCRNetDetector'):
        start(cfg)


def test_unreadable_pictures_of_this_run_are_counted_at_its_end(tmp_path):
    folder = write_pictures(tmp_path / 'pictures', 4)
    (folder / 'bad.png').write_bytes(b'no picture')
    for k, said in ((0, True), (1, False)):
        cfg = small(folder, tmp_path / 'work', 3, weights=OFF | dict(regions=1.0))
        start(cfg)
        log = sorted((tmp_path / 'work').glob('*/*.log'))[-1].read_text()
        assert ('1 pictures that no earlier run had named' in log) == said, k
