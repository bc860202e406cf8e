from types import SimpleNamespace

import pytest

from ocrnet_mmdet.engine.final_test import OCRNetFinalTestHook
from ocrnet_mmdet.errors import InputError


def test_without_test_data_it_says_so_before_the_first_step():
    with pytest.raises(InputError, match='has no test data: set test_dataloader'):
        OCRNetFinalTestHook().before_train(SimpleNamespace(test_loop=None))
