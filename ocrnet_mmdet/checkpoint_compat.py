"""What a checkpoint of mmengine may hold beside tensors. Importing it is enough.

`torch.load` with weights_only=True unpickles allow-listed types alone. mmengine stores its message
hub, full of `HistoryBuffer`s, in every checkpoint. torch >= 2.6 takes the list; with an older one
mmengine's own checkpoints are refused like any file that asks for more than tensors.

The list holds data types and nothing that a malicious file could use. What mmengine itself does
not write stays refused, see `checkpoint_loader`.
"""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

# The methods that mmengine's classes pickle, as getattr(class, name).
METHODS = {
    HistoryBuffer: ('min', 'max', 'current', 'mean'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}
# numpy's pickles name private functions, under numpy.core before numpy 2 and numpy._core since.
NUMPY_MODULES = ('numpy.core.multiarray', 'numpy._core.multiarray')
# All numbers, bool, bytes and str; not 'O', whose elements could be anything.
DTYPES = '?bhilqBHILQefdSU'


def listed_method(owner: type, name: str) -> Callable:
    """Stands in for the `getattr` in mmengine's pickles.

    Raises:
        pickle.UnpicklingError: For an attribute that is not one of `METHODS`.
    """
    if name not in METHODS.get(owner, ()):
        raise pickle.UnpicklingError(
            f"the checkpoint asks for {name!r} of {owner!r}, which mmengine's own do not"
        )
    return getattr(owner, name)


def listed_dtype(code: str, *args: bool) -> np.dtype:
    """Stands in for `numpy.dtype`: a file's bytes as an array of objects are forged pointers.

    Raises:
        pickle.UnpicklingError: For another type than those of `DTYPES`.
    """
    dtype = np.dtype(code, *args)  # type: ignore[call-overload]
    if dtype.char not in DTYPES:
        raise pickle.UnpicklingError(
            f"the checkpoint asks for {code!r} of numpy, which mmengine's own do not"
        )
    return dtype


def allowed_globals() -> Iterator[tuple[Any, str]]:
    """What mmengine's checkpoints hold beside tensors, as `add_safe_globals` takes it.

    Every entry is a pair with its name: OneDL's loader takes the bare ones off the list again.
    """
    dtypes = {type(np.dtype(code)) for code in DTYPES}
    for kind in (*METHODS, np.ndarray, slice, *dtypes):
        yield kind, f'{kind.__module__}.{kind.__qualname__}'
    yield listed_method, 'builtins.getattr'
    yield listed_dtype, 'numpy.dtype'
    for module in NUMPY_MODULES:
        yield np.array(0.0).__reduce__()[0], f'{module}._reconstruct'
        yield np.float64(0.0).__reduce__()[0], f'{module}.scalar'


# Before torch 2.6 weights_only is off unless asked for, and the list takes no pairs.
if tuple(int(number) for number in torch.__version__.split('.')[:2]) >= (2, 6):
    torch.serialization.add_safe_globals(list(allowed_globals()))
