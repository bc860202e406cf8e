"""Weights that others published: at an address, under a name of a model zoo, in a Python package.

mmengine's own loaders of ``https://`` take a damaged file as it is, end in a traceback where there
is no network, and let the file's pickle run code. These stand in their place in its
``CheckpointLoader``: every ``init_cfg``, ``load_from`` and ``DetInferencer(weights=...)`` goes
through them. Files lie where torch.hub keeps them.
"""

import difflib
import hashlib
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import mmengine
import torch
from mmengine.dist import barrier, get_rank
from mmengine.runner.checkpoint import (
    CheckpointLoader,
    _process_mmcls_checkpoint,
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from ..checkpoint_loader import read_checkpoint
from ..errors import InputError

SILENCE = 20  # seconds without an answer until a download is given up
# torch.hub's convention: NAME-HASH.pth, the first digits of the file's SHA-256; a date is none.
HASH = re.compile(r'-(?!20\d{6}\.)([0-9a-f]{8,})\.\w+$')
ENCODERS = 'https://download.pytorch.org/models/'


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_from_http(filename: str, map_location: Any = None) -> dict:
    """The checkpoint at an address, downloaded once, its hash looked at every time.

    Raises:
        InputError: It cannot be downloaded, is damaged, or holds more than weights.
    """
    path = Path(torch.hub.get_dir()) / 'checkpoints' / Path(urlparse(filename).path).name
    try:
        if get_rank() == 0:
            _download(filename, path)
    finally:
        barrier()  # the other processes of this machine read what the first one wrote
    _download(filename, path)  # on another machine
    return _read(path, map_location)


@CheckpointLoader.register_scheme(prefixes='package://')
def load_from_package(filename: str, map_location: Any = None) -> dict:
    """The checkpoint ``package://PACKAGE/PATH`` that an installed Python package brings.

    Raises:
        InputError: The package is not installed, has no such file, or a damaged one.
    """
    package, _, name = filename.removeprefix('package://').partition('/')
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f'{filename}: the package {package} is not installed: '
            f'pip install {package.replace("_", "-")}'
        )
    path = Path(spec.submodule_search_locations[0], name)
    if not path.is_file():
        raise InputError(f'{filename}: the package has no file {path}: name one that is there')
    return _read(path, map_location)


@CheckpointLoader.register_scheme(prefixes=('torchvision://', 'modelzoo://'), force=True)
def load_from_torchvision(filename: str, map_location: Any = None) -> dict:
    """Weights by torchvision's name of their model.

    Raises:
        InputError: torchvision is missing, or has no weights of that name; or as `load_from_http`.
    """
    name = filename.partition('://')[2]
    try:
        models = get_torchvision_models()
    except (ImportError, RuntimeError) as error:  # RuntimeError: one of another torch
        known = mmengine.load(Path(mmengine.__file__).parent / 'hub' / 'torchvision_0.12.json')
        address = known.get(name, f'{ENCODERS}NAME-HASH.pth')
        raise InputError(
            f'{filename} needs torchvision, which does not import here ({error}): '
            f'give the plain address of the same weights, {address}'
        ) from error
    return load_from_http(_address(filename, name, models), map_location)


@CheckpointLoader.register_scheme(prefixes=('open-mmlab://', 'openmmlab://'), force=True)
def load_from_openmmlab(filename: str, map_location: Any = None) -> dict:
    """Weights by their name in mmengine's list.

    Raises:
        InputError: mmengine has no weights of that name; or as `load_from_http`.
    """
    name = filename.partition('://')[2]
    name = get_deprecated_model_names().get(name, name)
    return load_from_http(_address(filename, name, get_external_models()), map_location)


@CheckpointLoader.register_scheme(prefixes='mmcls://', force=True)
def load_from_mmcls(filename: str, map_location: Any = None) -> dict:
    """Weights by their name in mmengine's list of classifiers.

    Raises:
        InputError: mmengine has no weights of that name; or as `load_from_http`.
    """
    address = _address(filename, filename.partition('://')[2], get_mmcls_models())
    return _process_mmcls_checkpoint(load_from_http(address, map_location))


def _address(filename: str, name: str, models: dict[str, str]) -> str:
    if name not in models:
        near = difflib.get_close_matches(name, models, n=1)
        raise InputError(
            f'{filename}: there are no weights of that name'
            + (f': did you mean {near[0]!r}?' if near else '')
        )
    return models[name]


def _download(url: str, path: Path) -> None:
    if path.exists():
        return
    wanted = HASH.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _giving_up_after(SILENCE):
            torch.hub.download_url_to_file(
                url, str(path), wanted and wanted[1], progress=sys.stderr.isatty()
            )
    except (OSError, HTTPException, RuntimeError, ValueError) as error:
        other = (
            ', or take the encoder of configs/_base_/ocrnet_lite0.py '
            "(arch='efficientnet_lite0'), which needs no download"
            if url.startswith(ENCODERS)
            else ''
        )
        raise InputError(
            f'{url} cannot be downloaded ({error}): fetch it elsewhere and put the file at {path} '
            f'(TORCH_HOME names another folder){other}'
        ) from error


@contextmanager
def _giving_up_after(seconds: float) -> Iterator[None]:
    """torch.hub's download has no time limit: a network that drops packets would hang it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _read(path: Path, map_location: Any) -> dict:
    wanted = HASH.search(path.name)
    if wanted:
        found = hashlib.sha256(path.read_bytes()).hexdigest()[: len(wanted[1])]
        if found != wanted[1]:
            raise InputError(
                f'{path} is damaged or cut off: its SHA-256 begins with {found}, its name says '
                f'{wanted[1]}: delete it and start again, or put the whole file there'
            )
    with open(path, 'rb') as file:
        return read_checkpoint(file, str(path), map_location)
