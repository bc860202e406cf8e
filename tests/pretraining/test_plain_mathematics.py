"""The method's mathematics is plain torch and numpy: it works without mmdet."""

import subprocess
import sys

import pytest

from ..detectors import ROOT

MODULES = (
    'monitors',
    'record',
    'region_cache',
    'region_loss',
    'regions',
    'schedules',
    'segmentation',
    'targets',
    'term_weights',
    'views',
)
# The packages stand for themselves, without what their __init__ registers in mmdet.
IMPORT = """
import sys, types
sys.modules['mmdet'] = None  # what imports it fails
for name in ('ocrnet_mmdet', 'ocrnet_mmdet.pretraining'):
    package = types.ModuleType(name)
    package.__path__ = [{root!r} + '/' + name.replace('.', '/')]
    sys.modules[name] = package
import ocrnet_mmdet.pretraining.{module}
"""


@pytest.mark.parametrize('module', MODULES)
def test_the_mathematics_does_without_mmdet(module):
    done = subprocess.run(
        [sys.executable, '-c', IMPORT.format(root=str(ROOT), module=module)],
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr[-500:]
