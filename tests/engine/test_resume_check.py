from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import LinearLR, OptimWrapper

from ocrnet_mmdet.engine.resume_check import check_resume
from ocrnet_mmdet.errors import InputError


def schedules(*ends: int) -> list:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return [LinearLR(optimizer, start_factor=0.1, by_epoch=False, end=end) for end in ends]


def check(checkpoint: dict, now, training: bool = True, load_from='iter_9.pth', work_dir='') -> None:
    wrapper = OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)) if training else dict(type='SGD')
    check_resume(SimpleNamespace(_resume=True, _load_from=load_from, work_dir=str(work_dir), optim_wrapper=wrapper,
                                 param_schedulers=now), checkpoint)


def saved(then, **more) -> dict:
    states = ({name: [s.state_dict() for s in group] for name, group in then.items()} if isinstance(then, dict)
              else [s.state_dict() for s in then])
    return dict(meta=dict(iter=9, epoch=0), param_schedulers=states, **more)


@pytest.mark.parametrize('now', [lambda: schedules(5, 20), lambda: dict(a=schedules(5), b=schedules(20))])
def test_the_same_schedule_goes_on_with_or_without_the_optimisers_state(now):
    check(saved(now(), optimizer={}), now())
    check(saved(now()), now())


def test_a_config_without_schedules_has_none_to_compare():
    check(saved(schedules(20)), None)


@pytest.mark.parametrize('then, now', [
    (schedules(5, 20), schedules(5, 40)),
    (dict(a=schedules(5), b=schedules(20)), dict(a=schedules(5), b=schedules(40)))])
def test_another_length_is_refused(then, now):
    with pytest.raises(InputError, match=r'iter_9.pth is of a run .* end at \[5, 20\], the config.s end at \[5, 40\]'):
        check(saved(then), now)


@pytest.mark.parametrize('checkpoint', [dict(state_dict={}), dict(meta=dict(steps=3)), dict(meta=dict(iter=9, epoch=0))])
def test_weights_alone_and_a_schedule_that_would_begin_again_are_refused(checkpoint):
    with pytest.raises(InputError, match='holds no training to go on with, or not its learning-rate schedule'):
        check(checkpoint, schedules(20))


def test_the_fix_names_the_file_that_was_found(tmp_path):
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_7.pth'))
    with pytest.raises(InputError, match='set load_from=.*iter_7.pth'):
        check({}, schedules(20), load_from=None, work_dir=tmp_path)


def test_scoring_with_the_config_of_a_run_that_was_resumed_is_no_resume():
    check(dict(state_dict={}), [dict(type='MultiStepLR')], training=False)
