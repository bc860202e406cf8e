"""Reads weights files of this machine without running what they hold. Importing it is enough.

A checkpoint is a pickle, which may call any function. OneDL's mmengine reads one that asks for
more than weights with ``weights_only=False``. Here stands the ``CheckpointLoader`` of plain paths
for both stacks: ``load_from``, ``--resume``, ``init_cfg``, ``init_detector`` and ``DetInferencer``
go through it. What is allowed beside tensors stands in :mod:`.checkpoint_compat`. Who trusts a file
that asks for more sets torch's own ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1``.
"""

import io
import logging
import os
import re
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from mmengine.fileio import get_file_backend
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from .checkpoint_config import plain_config
from .errors import InputError

TRUST = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
BEGINNINGS = (b'PK', b'\x80')  # of files of torch.save: zip, and pickle before torch 1.6
# How torch and checkpoint_compat say that a file asks for more than data, and for what.
FOREIGN = re.compile(
    r'GLOBAL (\S+)|unrecognized function (\S+ ?\S*)|asks for (\S+)|'
    r'Can only (?:create|build)|weights_only=True`` with'
)
# Where mmengine looks for the text of a config, which it runs.
CONFIG_TEXTS = (('meta', 'cfg'), ('meta', 'config'), ('message_hub', 'runtime_info', 'cfg'))


def check_file(path: object) -> None:
    """Look at a path that a user gave for a checkpoint, without reading the file.

    Raises:
        InputError: It is no path, or that of a file of this machine that is no whole one of
            ``torch.save``.
    """
    if not isinstance(path, str) or not path:
        raise InputError(f'the checkpoint is {path!r}: name a .pth file, or set it to None')
    if CheckpointLoader._get_checkpoint_loader(path) is not load_from_local:  # https:// ...
        return
    file = Path(path).expanduser()
    if file.is_dir():
        raise InputError(f'checkpoint {path} is a folder: name a .pth file in it')
    if not file.is_file():
        there = sorted(file.parent.glob('*.pth'), key=lambda other: other.stat().st_mtime)
        raise InputError(
            f'checkpoint {path} does not exist: '
            + (
                f'its folder has {there[-1].name}'
                if there
                else 'a training leaves its own in its work folder, which its log names'
            )
        )
    if not file.stat().st_size:
        raise InputError(f'checkpoint {path} is empty, its writing was stopped: name another')
    with open(file, 'rb') as opened:
        beginning = opened.read(2)
    if not beginning.startswith(BEGINNINGS):
        raise InputError(f'{path} is no checkpoint: name a .pth file')
    if beginning == b'PK' and not _has_end(file):
        raise InputError(
            f'checkpoint {path} is cut off, its writing or copying was stopped: name another'
        )


def _has_end(file: Path) -> bool:
    """Whether a zip file's directory, which stands at its end, is there."""
    try:
        return zipfile.is_zipfile(file)
    except zipfile.BadZipFile:
        return False


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any = None) -> dict:
    """Weights of a file of this machine, read as data.

    Raises:
        InputError: As :func:`check_file` and :func:`read_checkpoint`.
    """
    check_file(filename)
    with open(Path(filename).expanduser(), 'rb') as file:
        return read_checkpoint(file, filename, map_location)


@CheckpointLoader.register_scheme(prefixes=(r'(\S+\:)?s3://', r'(\S+\:)?petrel://'), force=True)
def load_from_ceph(filename: str, map_location: Any = None) -> dict:
    """Weights of an object store, read as data.

    Raises:
        InputError: As :func:`read_checkpoint`.
    """
    content = get_file_backend(filename, backend_args=dict(backend='petrel')).get(filename)
    return read_checkpoint(io.BytesIO(content), filename, map_location)


@CheckpointLoader.register_scheme(prefixes='pavi://', force=True)
def load_from_pavi(filename: str, map_location: Any = None) -> dict:
    """Refuse what can be read by running it alone.

    Raises:
        InputError: Always.
    """
    raise InputError(f'{filename}: weights of pavi:// are not read: download the file and name it')


def read_checkpoint(file: BinaryIO, name: str, map_location: Any = None) -> dict:
    """What ``torch.save`` wrote, with nothing in it that was run or will be.

    Args:
        name: What messages call the file.

    Raises:
        InputError: It asks for more than weights, is cut off, or holds no weights by name.
    """
    trusted = TRUST in os.environ
    try:
        # None: torch decides, and looks at the variable.
        content = torch.load(file, map_location, weights_only=None if trusted else True)
    except (MemoryError, torch.cuda.OutOfMemoryError, PermissionError):
        raise
    except Exception as error:  # what a damaged pickle raises has no common class
        raise InputError(_refusal(name, error)) from error
    weights = content.get('state_dict', content) if isinstance(content, dict) else None
    if not (
        isinstance(weights, dict)
        and all(isinstance(key, str) for key in weights)
        and isinstance(content.get('meta', {}), dict)
    ):
        raise InputError(f'{name} holds no weights by name: name a checkpoint of a training')
    return content if trusted else _without_code(content, name)


def _refusal(name: str, error: Exception) -> str:
    foreign = FOREIGN.search(str(error))
    if foreign:
        what = next(filter(None, foreign.groups()), 'a class or program of its own')
        return (
            f'{name} is refused: it asks for {ascii(what[:80])[1:-1]} while it is read, which is '
            'no part of a checkpoint of mmengine and may run any code; who trusts the file sets '
            f'{TRUST}=1'
        )
    reason = str(error).rpartition('WeightsUnpickler error: ')[2].strip() or repr(error)
    return (
        f'checkpoint {name} cannot be read ({ascii(reason.splitlines()[0][:160])[1:-1]}): it is '
        'cut off or damaged, or no checkpoint: name another'
    )


def _without_code(content: dict, name: str) -> dict:
    """Leave out a config that mmengine would not only read but run."""
    for *path, last in CONFIG_TEXTS:
        node: Any = content
        for key in path:
            node = node.get(key) if isinstance(node, dict) else {}
        if isinstance(node, dict) and last in node:
            try:
                plain_config(node[last])
            except ValueError as error:
                del node[last]
                print_log(
                    f'{name}: the config in it is left out, mmengine would run it and it is '
                    f'more than values ({error}): DetInferencer needs one beside this file',
                    'current',
                    logging.WARNING,
                )
    return content


def unfilled(module: nn.Module, state: dict[str, Tensor], prefix: str = '') -> list[str]:
    """The module's tensors that ``state`` does not hold, under ``prefix``, in their shape.

    Counters of batches are none, which mmengine does without too.
    """
    return [
        key
        for key, own in module.state_dict().items()
        if getattr(state.get(prefix + key), 'shape', None) != own.shape
        and not key.endswith('num_batches_tracked')
    ]


def shown_tensors(keys: list[str], most: int = 3) -> str:
    """A few names and how many there are, for a message."""
    first = ', '.join(key if key.isprintable() else ascii(key) for key in keys[:most])
    return first if len(keys) <= most else f'{first} and {len(keys) - most} other tensors'
