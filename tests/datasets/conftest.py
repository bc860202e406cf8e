import pytest

from .coco_folder import Folder
from .small_config import write_files


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def root(tmp_path):
    write_files(tmp_path)
    return tmp_path
