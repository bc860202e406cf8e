import math

import pytest
from mmengine.hooks import Hook

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.pretrainer import OCRNetPretrainer
from ocrnet_mmdet.pretraining.term_weights import TERMS

from .runs import VECTORS, small, start

OFF = dict.fromkeys(TERMS, 0.0)


class Schedules(Hook):
    """What the pretrainer was set to in each step; it runs after the hook under test."""

    priority = 'LOW'

    def __init__(self) -> None:
        self.sigma, self.own = [], []

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if 'vectors' in runner.model.terms:
            self.sigma.append(runner.model.terms['vectors'].sigma_share)
        self.own.append(runner.model.own_regions)


def test_momentum_and_sigma_follow_their_schedules(pictures, tmp_path, monkeypatch):
    momenta, seen = [], Schedules()
    update = OCRNetPretrainer.update_teacher
    monkeypatch.setattr(
        OCRNetPretrainer, 'update_teacher', lambda model, m: (momenta.append(m), update(model, m))
    )
    schedule = dict(momentum=(0.9, 1.0), horizon=4.0, sigma_from=0.25)
    start(small(pictures, tmp_path, 8, schedule, weights=OFF | VECTORS), seen)
    assert momenta == pytest.approx(
        [min(1 - 0.1 * (math.cos(math.pi * k / 8) + 1) / 2, 1 - 1 / 32) for k in range(8)]
    )
    assert seen.sigma == [0, 0, 0, 0.5, 1, 1, 1, 1]


def test_the_teacher_of_the_switch_finds_regions_from_then_on(pictures, tmp_path, monkeypatch):
    seen, teachers = Schedules(), []
    update = OCRNetPretrainer.update_finder
    monkeypatch.setattr(
        OCRNetPretrainer,
        'update_finder',
        lambda model: (
            teachers.append(
                {key: value.clone() for key, value in model.teacher.state_dict().items()}
            ),
            update(model),
        ),
    )
    only = dict(weights=OFF | dict(regions=1.0), min_score=0.0)
    model = start(small(pictures, tmp_path, 6, dict(own_from=0.5), **only), seen).model
    assert seen.own == [False, False, False, True, True, True]
    (taken,) = teachers
    assert all(value.equal(taken[key]) for key, value in model.finder.state_dict().items())
    assert any(not value.equal(taken[key]) for key, value in model.teacher.state_dict().items())


def test_own_regions_begun_at_a_resume_are_its_teachers(pictures, tmp_path, monkeypatch):
    only = dict(weights=OFF | dict(regions=1.0), min_score=0.0)
    begun = small(pictures, tmp_path, 4, {}, **only)
    begun.train_cfg.max_iters = begun.default_hooks.checkpoint.interval = 2
    taught = start(begun).model.teacher.state_dict()
    cfg = small(pictures, tmp_path, 4, dict(own_from=0.25), **only)
    cfg.resume = True
    model = start(cfg).model
    assert all(value.equal(taught[key]) for key, value in model.finder.state_dict().items())


def test_the_discovered_regions_stay_by_default(pictures, tmp_path):
    seen = Schedules()
    start(small(pictures, tmp_path, 2, weights=OFF | dict(masks=1.0)), seen)
    assert seen.own == [False, False]


def test_regions_of_an_untrained_region_head_are_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1, dict(own_from=0.5), weights=OFF | dict(masks=1.0))
    with pytest.raises(
        InputError, match='own_from=0.5 takes the regions of a region head that is not trained'
    ):
        start(cfg)


def test_two_schedules_are_refused(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 1)
    cfg.custom_hooks.append(dict(type='OCRNetPretrainHook'))
    with pytest.raises(InputError, match='twice a step: set default_hooks.schedule'):
        start(cfg)
