"""One small data set for all tests of a file."""

import pytest

from .truth import make_truth


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    return tmp_path_factory.mktemp('data') / 'pictures'


@pytest.fixture(scope='module')
def truth(pictures):
    return make_truth(pictures)
