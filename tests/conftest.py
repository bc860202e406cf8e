import pytest
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def mmdet_scope():
    """A Runner leaves its own scope behind, and configs name mmdet's parts without one."""
    init_default_scope('mmdet')
