"""A tiny detector after two steps, with its checkpoint, config and pictures."""

from types import SimpleNamespace

import pytest

from demo.data_set import make_demo_set
from ocrnet_mmdet.look.detector import load_detector, see

from ..trainings import make_config, runner_of


@pytest.fixture(scope='session')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('look')
    data = folder / 'demo'
    make_demo_set(str(data), train=3, val=2, unlabelled=0, size=64)
    cfg = make_config(data, folder / 'work', image_scale=96)
    cfg.model.test_cfg.rcnn.score_thr = 0.0
    cfg.dump(folder / 'config.py')
    runner_of(cfg).train()
    return SimpleNamespace(
        folder=folder / 'work',
        checkpoint=str(folder / 'work/iter_2.pth'),
        config=folder / 'config.py',
        labels=str(data / 'annotations/val.json'),
        pictures=sorted((data / 'val').glob('*.jpg')),
        data=data,
    )


@pytest.fixture(scope='session')
def model(trained):
    return load_detector(trained.checkpoint)


@pytest.fixture
def seen(model, trained):
    return see(model, str(trained.pictures[0]))
