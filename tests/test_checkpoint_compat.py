"""A checkpoint that mmengine's Runner wrote is read by torch's default, and training goes on."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import CheckpointLoader, Runner, load_checkpoint
from torch.utils.data import Dataset

from ocrnet_mmdet.checkpoint_compat import listed_method

TWO_STEPS = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=2),
    dict(type='MultiStepLR', milestones=[3], by_epoch=False),
]
ONE_CYCLE = [dict(type='OneCycleLR', eta_max=0.1, total_steps=4, by_epoch=False)]


class Points(Dataset):
    """Eight points of three coordinates."""

    metainfo = dict(classes=('point',), palette=[(1, 2, 3)])

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict:
        return dict(points=torch.full((3,), float(index)))


class Net(BaseModel):
    """A linear layer behind a batch norm, so that there are weights and statistics to resume."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))

    def forward(self, points: list[torch.Tensor], mode: str = 'tensor') -> dict:
        return dict(loss=self.layers(torch.stack(points)).square().mean())


def train(work_dir: Path, schedule: list[dict], resumed_from: Path | None = None) -> Runner:
    """Four steps with what a detector's run has too: AdamW, clipping, schedulers, EMA weights."""
    torch.manual_seed(0)
    sampler = dict(type='DefaultSampler', shuffle=False)
    loader = dict(batch_size=4, dataset=Points(), sampler=sampler)
    runner = Runner(
        Net(),
        str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=False, max_iters=4),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.01), clip_grad=dict(max_norm=1.0)),
        param_scheduler=copy.deepcopy(schedule),
        custom_hooks=[dict(type='EMAHook')],
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=2, by_epoch=False),
            logger=dict(type='LoggerHook', interval=1),
        ),
        load_from=resumed_from and str(resumed_from),
        resume=resumed_from is not None,
        randomness=dict(seed=0),
        default_scope='mmengine',
        experiment_name=str(work_dir),
    )
    runner.train()
    return runner


@pytest.mark.parametrize('schedule', [TWO_STEPS, ONE_CYCLE], ids=['multi_step', 'one_cycle'])
def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path, schedule):
    unbroken = train(tmp_path / 'unbroken', schedule)
    halfway = tmp_path / 'unbroken' / 'iter_2.pth'
    resumed = train(tmp_path / 'resumed', schedule, resumed_from=halfway)
    expected = unbroken.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0, msg=name)
    for scalar in ('train/loss', 'train/lr'):
        histories = [
            runner.message_hub.get_scalar(scalar).data[0].tolist() for runner in (unbroken, resumed)
        ]
        assert len(histories[0]) == 4 and histories[0] == histories[1], scalar


def test_the_default_load_reads_all_that_the_runner_saved(tmp_path):
    train(tmp_path, TWO_STEPS)
    # OneDL's loader takes its own entries off the list after each file: ours have to survive it.
    load_checkpoint(Net(), str(tmp_path / 'iter_2.pth'))
    saved = torch.load(tmp_path / 'iter_4.pth', weights_only=True)
    assert saved['meta']['dataset_meta'] == Points.metainfo
    assert len(saved['message_hub']['log_scalars']['train/loss'].data[0]) == 4


ARGUMENTS = dict(  # beside the optimiser
    Constant=dict(factor=0.5),
    CosineAnnealing=dict(T_max=4),
    CosineRestart=dict(periods=[2, 2], restart_weights=[1, 1], eta_min=0),
    Exponential=dict(gamma=0.9),
    Linear=dict(),
    MultiStep=dict(milestones=[2]),
    OneCycle=dict(eta_max=1.0, total_steps=4),
    Poly=dict(),
    ReduceOnPlateau=dict(monitor='loss'),
    Step=dict(step_size=2),
    QuadraticWarmup=dict(),
)
SCHEDULERS = sorted(
    name for name in PARAM_SCHEDULERS.module_dict if name.endswith(('LR', 'Momentum'))
)


@pytest.mark.parametrize('name', SCHEDULERS)
def test_every_scheduler_of_mmengine_is_read(tmp_path, name):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    kind = name.removesuffix('LR').removesuffix('Momentum')
    scheduler = PARAM_SCHEDULERS.get(name)(optimizer, **ARGUMENTS[kind])
    optimizer.step()
    scheduler.step(*[dict(loss=torch.tensor(1.0))] * (kind == 'ReduceOnPlateau'))
    torch.save(dict(state_dict={}, param_schedulers=[scheduler.state_dict()]), tmp_path / 'a.pth')
    (again,) = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))['param_schedulers']
    assert repr(again) == repr(scheduler.state_dict())


def test_methods_that_mmengine_pickles_are_found():
    assert listed_method(HistoryBuffer, 'mean') is HistoryBuffer.mean
    assert (
        listed_method(OneCycleParamScheduler, '_annealing_cos')
        is OneCycleParamScheduler._annealing_cos
    )


@pytest.mark.parametrize(
    'owner, name',
    [(HistoryBuffer, '__class__'), (torch, 'load'), (str, 'min'), (OneCycleParamScheduler, 'mean')],
)
def test_any_other_attribute_is_refused(owner, name):
    with pytest.raises(pickle.UnpicklingError, match=name):
        listed_method(owner, name)


class CallsOnLoad:
    """Pickles as a call of a function that is on no list."""

    def __reduce__(self):
        return print, ('called',)


def test_a_file_that_calls_a_function_is_still_refused(tmp_path, capsys):
    torch.save(dict(meta=CallsOnLoad()), tmp_path / 'evil.pth')
    with pytest.raises(pickle.UnpicklingError, match='print'):
        torch.load(tmp_path / 'evil.pth', weights_only=True)
    assert 'called' not in capsys.readouterr().out
