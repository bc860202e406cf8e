import pytest
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed


@pytest.fixture(autouse=True)
def mmdet_scope():
    """A Runner leaves its own scope behind, and configs name mmdet's parts without one."""
    init_default_scope('mmdet')


@pytest.fixture(autouse=True)
def random_numbers():
    """A test draws the same numbers in every run of the suite, and alone."""
    set_random_seed(0)
