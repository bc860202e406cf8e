"""`make install` compiles mmcv once: the next environment like it takes the wheel."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Stands in for Python, its venv and its pip. FAKE is a JSON: torch's version, what pip finds
# ('good', 'bad' or nothing), and whether a compiled wheel is 'good': its text, which says that its
# ops load.
FAKE = """#!{python}
import json, os, shutil, sys
from pathlib import Path
args, fake = sys.argv[1:], json.loads(os.environ['FAKE'])
site = Path(os.environ['VENV'], 'mmcv_that_is_installed')
with open(os.environ['LOG'], 'a') as log:
    print(*args, file=log)
if args[:2] == ['-m', 'venv']:
    shutil.rmtree(args[-1], ignore_errors=True)
    Path(args[-1], 'bin').mkdir(parents=True)
    shutil.copy(__file__, Path(args[-1], 'bin/python'))
elif args[0] == '-c' and 'SOABI' in args[1]:
    print('key', fake['torch'], fake.get('abi', 'cp311'), sep='-')
elif args[0] == '-c' and 'get_path' in args[1]:
    print(Path(__file__).parents[2])  # the tree: it has a Python.h
elif args[0] == '-c' and 'mmcv.ops' in args[1]:
    sys.exit(site.read_text() != 'good')
elif args[0] == '-c':
    exec(args[1])
elif 'wheel' in args and '--wheel-dir' in args:
    folder = Path(args[args.index('--wheel-dir') + 1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'mmcv.whl').write_text(fake.get('compiled', 'good'))
elif 'install' in args and args[-1].endswith('.whl'):
    if not Path(args[-1]).is_file():
        sys.exit(1)
    shutil.copy(args[-1], site)
elif 'install' in args and 'mmcv==' in args[-1]:
    if 'found' not in fake:
        sys.exit(1)
    site.write_text(fake['found'])
"""


@pytest.fixture
def make(tmp_path):
    """Runs `make install` in a new environment: what it printed and the calls of Python."""
    if not shutil.which('make'):
        pytest.skip('make is not installed')
    python = tmp_path / 'python'
    python.write_text(FAKE.replace('{python}', sys.executable))
    python.chmod(0o755)
    gxx = tmp_path / 'bin/g++'
    gxx.parent.mkdir()
    gxx.symlink_to(shutil.which('true'))

    def run(
        name: str, cache: Path = tmp_path / 'cache', fails: bool = False, **fake: str
    ) -> tuple[str, str]:
        tree = tmp_path / name
        tree.mkdir()
        for file in ('Makefile', 'setup.py'):
            shutil.copy(ROOT / file, tree)
        (tree / 'Python.h').touch()
        log = tree / 'log'
        env = dict(
            os.environ,
            FAKE=json.dumps(fake),
            VENV=str(tree / '.venv'),
            LOG=str(log),
            XDG_CACHE_HOME=str(cache),
            PATH=f'{gxx.parent}:{os.environ["PATH"]}',
        )
        done = subprocess.run(
            ['make', 'install', f'PYTHON={python}'],
            cwd=tree,
            env=env,
            capture_output=True,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr, log.read_text()

    return run


def compiled(log: str) -> bool:
    return '--wheel-dir' in log


def test_the_wheel_is_compiled_once_for_all_environments(make):
    out, log = make('first', torch='2.13.0')
    assert compiled(log) and 'Compiling the C++ ops' in out
    out, log = make('second', torch='2.13.0')
    assert not compiled(log) and 'Compiling' not in out


@pytest.mark.parametrize('other', [dict(torch='2.13.1'), dict(torch='2.13.0', abi='cp312')])
def test_a_wheel_of_another_torch_or_python_is_not_taken(make, other):
    make('first', torch='2.13.0')
    _, log = make('second', **other)
    assert compiled(log)


def test_a_kept_wheel_whose_ops_do_not_load_is_compiled_anew(make, tmp_path):
    kept = tmp_path / 'cache/ocrnet_mmdet/wheels/key-2.13.0-cp311/mmcv.whl'
    kept.parent.mkdir(parents=True)
    kept.write_text('cut off')
    _, log = make('first', torch='2.13.0')
    assert compiled(log) and kept.read_text() == 'good'


@pytest.mark.parametrize('found', ['good', 'bad'])
def test_a_wheel_that_pip_finds_is_taken_if_its_ops_load(make, found):
    _, log = make('first', torch='2.13.0', found=found)
    assert compiled(log) == (found == 'bad')


def test_a_compiled_wheel_without_ops_is_not_kept(make, tmp_path):
    make('first', torch='2.13.0', compiled='bad', fails=True)
    assert not (tmp_path / 'cache').exists()


def test_an_unwritable_cache_does_not_end_the_installation(make, tmp_path):
    (tmp_path / 'file').touch()
    out, log = make('first', cache=tmp_path / 'file', torch='2.13.0')
    assert compiled(log) and 'not kept' in out
