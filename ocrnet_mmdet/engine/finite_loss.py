"""Stops a training whose loss is no longer finite, before a checkpoint of it is written."""
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
        good = last_finite_checkpoint(Path(runner.work_dir))
        raise InputError(
            f'the loss is not finite at step {runner.iter + 1} ({terms}): lower '
            'optim_wrapper.optimizer.lr or optim_wrapper.clip_grad.max_norm, then go on with '
            + (f'--resume {good}' if good else 'a new run (no checkpoint was written yet)'))


def last_finite_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a work folder all of whose weights are finite; exports are none."""
    saved = [*folder.glob('iter_*.pth'), *folder.glob('epoch_*.pth')]
    for path in sorted(saved, key=lambda p: p.stat().st_mtime, reverse=True):
        weights = torch.load(path, map_location='cpu', weights_only=False)['state_dict']
        if all(torch.isfinite(w).all() for w in weights.values() if w.is_floating_point()):
            return path
    return None
