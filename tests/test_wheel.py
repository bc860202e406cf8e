"""The built wheel, installed where the checkout is not: its tools train its configs."""

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.fileio import load

from .detectors import ROOT

TREE = (
    'configs',
    'demo',
    'ocrnet_mmdet',
    'tools',
    'LICENSE',
    'README.md',
    'model-index.yml',
    'setup.py',
)
TWO_STEPS = ['train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2']


class Installed:
    """An environment with the wheel and this environment's packages, but for the editable project.

    Attributes:
        mim: The wheel's folder of configs and tools.
    """

    def __init__(self, folder: Path) -> None:
        tree, self.work, environment = folder / 'tree', folder / 'work', folder / 'env'
        for name in TREE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            tree.mkdir(exist_ok=True)
            copy(ROOT / name, tree / name)
        self.work.mkdir()
        self._pip('wheel', '--no-build-isolation', '--wheel-dir', str(folder), str(tree))
        shutil.rmtree(tree)
        venv.create(environment)
        self.python = environment / 'bin/python'
        packages = next(environment.glob('lib/python*/site-packages'))
        self._pip('install', '--target', str(packages), str(next(folder.glob('*.whl'))))
        # A folder that a .pth names is searched, but its own .pth files are not read.
        (packages / 'ours.pth').write_text('\n'.join(site.getsitepackages()))
        self.mim = packages / 'ocrnet_mmdet/.mim'

    @staticmethod
    def _pip(command: str, *args: str) -> None:
        subprocess.run(
            [sys.executable, '-m', 'pip', command, '--quiet', '--no-deps', '--no-index', *args],
            check=True,
        )

    def run(self, *args: str | Path) -> str:
        """Run Python in an otherwise empty folder; what it printed."""
        env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | {'OMP_NUM_THREADS': '1'}
        done = subprocess.run(
            [self.python, *args],
            cwd=self.work,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout


@pytest.fixture(scope='module')
def installed(tmp_path_factory) -> Installed:
    env = Installed(tmp_path_factory.mktemp('wheel'))
    env.run(
        env.mim / 'tools/make_demo_set.py',
        'data/demo',
        '--train',
        '10',
        '--val',
        '2',
        '--unlabelled',
        '0',
        '--size',
        '96',
    )
    return env


def test_a_shipped_config_trains_without_the_checkout(installed):
    installed.run(
        installed.mim / 'tools/train.py',
        installed.mim / 'configs/demo/ocrnet_demo.py',
        '--cfg-options',
        *TWO_STEPS,
        'train_dataloader.dataset.indices=10',
        'work_dir=shipped',
    )
    assert (installed.work / 'shipped/iter_2.pth').is_file()


def test_own_configs_inherit_from_the_wheel_in_mmdets_tool(installed):
    installed.run(
        installed.mim / 'tools/start.py',
        '--pictures',
        'data/demo',
        '--labels',
        'data/demo/annotations/train.json',
        '--out',
        'mine',
    )
    assert (
        f"_base_ = '{installed.mim}/configs/" in (installed.work / 'mine/finetune.py').read_text()
    )
    ours, mmdet = installed.run(
        '-c',
        'import mmdet, ocrnet_mmdet\nprint(ocrnet_mmdet.__path__[0], mmdet.__path__[0], sep="\\n")',
    ).splitlines()[-2:]
    assert Path(ours) == installed.mim.parent
    installed.run(f'{mmdet}/.mim/tools/train.py', 'mine/finetune.py', '--cfg-options', *TWO_STEPS)
    assert (installed.work / 'mine/finetune/iter_2.pth').is_file()


def test_the_index_names_all_configs_that_users_train(installed):
    index = load(installed.mim / 'model-index.yml')
    models = [model for file in index['Import'] for model in load(installed.mim / file)['Models']]
    named = {model['Config'] for model in models}
    assert named == {f'configs/{path.name}' for path in (ROOT / 'configs').glob('*.py')}
    for model in models:
        assert model['Name'] == Path(model['Config']).stem
        assert Config.fromfile(installed.mim / model['Config']).model
