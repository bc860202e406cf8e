"""One short training and one short pretraining for all tests of this folder."""

import pytest

from demo.data_set import make_demo_set

from ..pretraining.runs import make_config as make_pretraining
from ..pretraining.runs import write_pictures
from ..trainings import make_config, runner_of


@pytest.fixture(scope='package')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('predict') / 'data'
    make_demo_set(str(folder), train=2, val=5, unlabelled=0, size=96)
    return folder


@pytest.fixture(scope='package')
def work_dir(data):
    """Of a training of two steps."""
    cfg = make_config(data, data.parent / 'work', image_scale=96)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    runner_of(cfg).train()
    return data.parent / 'work'


@pytest.fixture(scope='package')
def pretrained_dir(tmp_path_factory):
    """Of a pretraining of one step."""
    folder = tmp_path_factory.mktemp('pretrained')
    pictures = write_pictures(folder / 'pictures', count=4)
    runner_of(make_pretraining(pictures, folder / 'work', steps=1)).train()
    return folder / 'work'
