"""Stops a training whose loss is no longer finite, before a checkpoint of it is written."""

import time
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from ..checkpoint_loader import load_from_local
from ..errors import InputError
from .resume_check import resumed_file


@HOOKS.register_module()
class OCRNetFiniteLossHook(Hook):
    """Checks every step's loss; runs before CheckpointHook, whose priority is VERY_LOW."""

    priority = 'NORMAL'

    def before_train(self, runner: Runner) -> None:
        self.saved = SavedCheckpoints(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict = dict()
    ) -> None:
        """Stop a training that has diverged.

        Raises:
            InputError: The loss is NaN or infinite; names step, terms and the last good checkpoint.
        """
        if torch.isfinite(outputs['loss']):
            return
        terms = ', '.join(
            f'{name}={float(value):.3g}' for name, value in outputs.items() if 'loss' in name
        )
        good = self.saved.last_good()
        raise InputError(
            f'the loss is not finite at step {runner.iter + 1} ({terms}): lower '
            'optim_wrapper.optimizer.lr or optim_wrapper.clip_grad.max_norm, then go on with '
            + (f'--resume {good}' if good else 'a new run (no checkpoint was written yet)')
        )


class SavedCheckpoints:
    """The checkpoints of a run that begins now: what it goes on from and what it writes.

    What else is older in its work folder is of another run. Exports are none.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.begun = time.time()
        file = resumed_file(runner) if runner._resume else None
        self.resumed = [Path(file)] if file else []

    def last_good(self) -> Path | None:
        """The newest one that can be read and has finite weights."""
        # default_hooks.checkpoint.out_dir may name another folder than the work folder
        outs = {hook.out_dir for hook in self.runner.hooks if isinstance(hook, CheckpointHook)}
        written = [
            path
            for folder in {self.runner.work_dir, *filter(None, outs)}
            for pattern in ('iter_*.pth', 'epoch_*.pth')
            for path in Path(folder).glob(pattern)
            if path.stat().st_mtime >= self.begun
        ]
        for path in [
            *sorted(written, key=lambda p: p.stat().st_mtime, reverse=True),
            *self.resumed,
        ]:
            try:
                content = load_from_local(str(path), 'cpu')
            except InputError:  # cut off, or gone
                continue
            weights = content.get('state_dict', content).values()
            if all(
                torch.isfinite(w).all()
                for w in weights
                if torch.is_tensor(w) and w.is_floating_point()
            ):
                return path
        return None
