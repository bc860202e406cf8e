import pytest

from demo.data_set import make_demo_set

from .folders import begin


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp('own') / 'my pictures'
    make_demo_set(str(folder), train=12, val=3, unlabelled=2, size=96)
    return folder


@pytest.fixture(scope='module')
def mine(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp('work') / 'mine'
    begin(pictures, out)
    return out
