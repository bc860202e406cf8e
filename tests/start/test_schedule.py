"""The learning rate over the steps of the configs that tools/start.py writes."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from demo.data_set import make_demo_set
from ocrnet_mmdet.start import start

from ..detectors import ROOT


@pytest.fixture(scope='module')
def mine(tmp_path_factory):
    pictures, out = tmp_path_factory.mktemp('own'), tmp_path_factory.mktemp('work') / 'mine'
    make_demo_set(str(pictures), train=8, val=3, unlabelled=1, size=96)
    labels = pictures / 'annotations/train.json'
    start(pictures, labels, None, 0.25, 0, imagenet=True, out=out, configs=ROOT / 'configs')
    return out


@pytest.mark.parametrize('name', ['finetune', 'pretrain'])
@pytest.mark.parametrize('steps', [10, 30, 1000])
def test_the_rate_reaches_its_height_and_falls_to_nothing(mine, tmp_path, name, steps):
    text = (mine / f'{name}.py').read_text()
    line = next(line for line in text.splitlines() if line.startswith('max_iters = '))
    file = tmp_path / 'edited.py'
    file.write_text(text.replace(line, f'max_iters = {steps}'))
    cfg = Config.fromfile(file)
    weights = torch.nn.Parameter(torch.zeros(1))
    optimizer = OptimWrapper(torch.optim.SGD([weights], cfg.optim_wrapper.optimizer.lr))
    schedulers = [
        PARAM_SCHEDULERS.build(s | dict(optimizer=optimizer)) for s in cfg.param_scheduler
    ]
    rates = []
    for _ in range(steps):
        rates += optimizer.get_lr()['lr']
        optimizer.optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert rates[0] == pytest.approx(0.01 * cfg.lr)
    assert max(rates) == pytest.approx(cfg.lr, rel=0.05)
    assert rates[-1] < 0.1 * cfg.lr
