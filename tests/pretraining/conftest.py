import pytest

from .runs import write_pictures


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('data') / 'pictures', 4)
