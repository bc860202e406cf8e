"""Stops a training whose loss is no longer finite, before a checkpoint of it is written."""
import pickle
import time
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmdet.registry import HOOKS
from mmengine.runner import Runner

from ..errors import InputError


@HOOKS.register_module()
class OCRNetFiniteLossHook(Hook):
    """Checks every step's loss; runs before CheckpointHook, whose priority is VERY_LOW."""

    priority = 'NORMAL'

    def __init__(self) -> None:
        self.begun = 0.0  # seconds since the epoch

    def before_train(self, runner: Runner) -> None:
        self.begun = time.time()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """
        Raises:
            InputError: The loss is NaN or infinite; names step, terms and the last good checkpoint.
        """
        if torch.isfinite(outputs['loss']):
            return
        terms = ', '.join(f'{name}={float(value):.3g}' for name, value in outputs.items()
                          if 'loss' in name)
        good = last_good_checkpoint(runner, self.begun)
        raise InputError(
            f'the loss is not finite at step {runner.iter + 1} ({terms}): lower '
            'optim_wrapper.optimizer.lr or optim_wrapper.clip_grad.max_norm, then go on with '
            + (f'--resume {good}' if good else 'a new run (no checkpoint was written yet)'))


def last_good_checkpoint(runner: Runner, begun: float) -> Path | None:
    """The newest checkpoint of this run that can be read and has finite weights; exports are none.

    Args:
        begun: When the run began, seconds since the epoch: what is older in its work folder is of another run,
            unless this one was resumed.
    """
    folder = Path(runner.work_dir)
    saved = [path for path in (*folder.glob('iter_*.pth'), *folder.glob('epoch_*.pth'))
             if runner._resume or path.stat().st_mtime >= begun]
    for path in sorted(saved, key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            weights = torch.load(path, map_location='cpu', weights_only=False)['state_dict']
        except (RuntimeError, EOFError, pickle.UnpicklingError):  # cut off
            continue
        if all(torch.isfinite(w).all() for w in weights.values() if w.is_floating_point()):
            return path
    return None
