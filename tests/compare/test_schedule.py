import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from ocrnet_mmdet.compare.schedule import scaled

# What tools/start.py writes for 1,000 steps.
WRITTEN = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=1000, T_max=950, eta_min=0),
]
STEPS = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[500, 900], gamma=0.5),
]


def rates_of(schedulers, steps):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = OptimWrapper(torch.optim.SGD([weight], lr=1.0))
    built = [PARAM_SCHEDULERS.build(dict(s, optimizer=optimizer)) for s in schedulers]
    rates = []
    for _ in range(steps):
        rates += optimizer.get_lr()['lr']
        optimizer.step()
        for scheduler in built:
            scheduler.step()
    return rates


@pytest.mark.parametrize('steps', [1, 2, 3, 30, 60])
def test_a_short_run_reaches_its_rate_too(steps):
    rates = rates_of(scaled(WRITTEN, 1000, steps), steps)
    assert max(rates) > 0.9 and max(rates) <= 1 and (steps < 3 or rates[0] == 0.01)


@pytest.mark.parametrize('schedulers', [WRITTEN, STEPS])
def test_a_schedule_of_its_own_length_is_the_same(schedulers):
    assert scaled(schedulers, 1000, 1000) == schedulers


@pytest.mark.parametrize('schedulers', [WRITTEN, STEPS])
@pytest.mark.parametrize('steps', [200, 3000])
def test_a_rate_is_that_of_the_same_share_of_the_steps(schedulers, steps):
    whole, run = rates_of(schedulers, 1000), rates_of(scaled(schedulers, 1000, steps), steps)
    shares = (0.01, 0.05, 0.25, 0.45, 0.55, 0.85, 0.95)
    assert [run[int(s * steps)] for s in shares] == pytest.approx(
        [whole[int(s * 1000)] for s in shares], abs=0.02
    )


def test_what_counts_epochs_stays():
    epochs = dict(type='StepLR', step_size=3)
    assert scaled([epochs], 1000, 100) == [epochs]


def test_what_a_short_run_has_no_step_for_is_dropped():
    parts = [
        dict(type='ConstantLR', by_epoch=False, begin=0, end=990),
        dict(type='LinearLR', by_epoch=False, begin=990, end=1000),
    ]
    assert [s['type'] for s in scaled(parts, 1000, 40)] == ['ConstantLR']
