import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import VISBACKENDS
from mmengine.hooks import Hook
from mmengine.visualization import BaseVisBackend

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining import monitor_hook, terms
from ocrnet_mmdet.pretraining.monitor_hook import OCRNetMonitorHook
from ocrnet_mmdet.pretraining.term_weights import TERMS

from .runs import small, start

OFF = dict.fromkeys(TERMS, 0.0)


@VISBACKENDS.register_module(force=True)
class CollectedScalars(BaseVisBackend):
    """Stands for TensorBoard."""

    names: set[str] = set()
    experiment = None

    def _init_env(self) -> None:
        pass

    def add_scalars(self, scalar_dict, *args, **kwargs) -> None:
        self.names.update(scalar_dict)


# a fifth of the patience, to be quick
COLLAPSE = dict(interval=5, collapse=dict(patience=20))


def test_a_literal_loss_run_is_stopped_and_not_exported(pictures, tmp_path):
    cfg = small(
        pictures,
        tmp_path,
        60,
        monitor=COLLAPSE,
        weights=OFF | dict(vectors=0.1),
        region_loss=dict(type='OCRNetRegionLoss', form='literal'),
    )
    with pytest.raises(
        InputError, match='have collapsed.*nothing was exported, there is no checkpoint'
    ) as said:
        start(cfg)
    assert len(str(said.value).splitlines()) == 1
    assert not list(tmp_path.glob('*.pth'))


def test_a_healthy_run_is_not_stopped(pictures, tmp_path):
    start(small(pictures, tmp_path, 30, monitor=COLLAPSE))
    assert (tmp_path / 'pretrained_detector.pth').is_file()


class Impatient(Hook):
    """An alarm's 300 steps of patience made 25."""

    def before_train(self, runner) -> None:
        hook = next(hook for hook in runner.hooks if isinstance(hook, OCRNetMonitorHook))
        hook.alarms['box_level'].patience, hook.alarms['box_level'].window = 25, 10


def box_run(tmp_path) -> int:
    """How often the alarm speaks in 50 steps of the box term alone, on white squares on black."""
    pictures, rng = tmp_path / 'pictures', np.random.default_rng(0)
    pictures.mkdir()
    for i in range(4):
        image = np.zeros((72, 80, 3), np.uint8)
        for left in (8, 32, 56):
            x, y = left + int(rng.integers(0, 6)), int(rng.integers(6, 44))
            image[y : y + 18, x : x + 16] = 255
        cv2.imwrite(str(pictures / f'{i}.png'), image)
    cfg = small(
        pictures,
        tmp_path / 'work',
        50,
        monitor=dict(interval=1),
        weights=OFF | dict(boxes=1.0),
        jitter=(0.3, 0.3),
    )
    cfg.optim_wrapper.optimizer.lr = 3e-3
    start(cfg, Impatient())
    log = next((tmp_path / 'work').glob('*/*.log')).read_text()
    return log.count('loss_boxes has been no better than a constant prediction')


def test_boxes_that_the_features_tell_raise_no_alarm(tmp_path):
    assert box_run(tmp_path) == 0


def test_boxes_read_from_other_views_raise_the_alarm_once(tmp_path, monkeypatch):
    forward = terms.box_forward
    monkeypatch.setattr(
        terms,
        'box_forward',
        lambda head, levels, *args: forward(
            head, [level[torch.randperm(len(level))] for level in levels], *args
        ),
    )
    assert box_run(tmp_path) == 1


@pytest.mark.parametrize('steps, patience, count', [(2, 100, 1), (4, 2, 2)])
def test_a_run_that_sees_no_region_says_so(tmp_path, monkeypatch, steps, patience, count):
    """At its end, and before if it lasts."""
    monkeypatch.setattr(monitor_hook, 'NO_REGION_STEPS', patience)
    (tmp_path / 'pictures').mkdir()
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'pictures/{i}.png'), np.full((70, 90, 3), 128 + i, np.uint8))
    start(
        small(
            tmp_path / 'pictures',
            tmp_path / 'work',
            steps,
            monitor=dict(interval=1),
            weights=OFF | dict(masks=1.0),
        )
    )
    log = next((tmp_path / 'work').glob('*/*.log')).read_text()
    assert log.count('no view that was looked at had a region') == count


def test_the_monitors_reach_a_backend_that_the_config_names(pictures, tmp_path):
    cfg = small(pictures, tmp_path, 4, monitor=dict(interval=2))
    cfg.default_hooks.logger.interval = 2
    cfg.visualizer.update(vis_backends=[dict(type='CollectedScalars')], name='collected')
    start(cfg)
    assert {'spread', 'retrieval', 'proposal_recall', 'box_level_ratio'} <= CollectedScalars.names


def test_own_regions_that_are_none_are_warned_of(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(monitor_hook, 'NO_REGION_STEPS', 2)
    start(
        small(
            pictures,
            tmp_path,
            8,
            dict(own_from=0.5),
            dict(interval=1),
            weights=OFF | dict(regions=1.0),
            min_score=1.1,
        )
    )
    log = next(tmp_path.glob('*/*.log')).read_text()
    # after two steps of them, and at the end
    assert log.count("the teacher's proposals have scores below 1.1") == 2
    assert 'discover_regions finds' not in log
