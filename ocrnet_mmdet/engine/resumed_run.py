"""What a resumed run needs to be as if never stopped: its draws, the validation that was due."""

from __future__ import annotations

import random
from collections.abc import Container

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner


def seed_step(runner: Runner) -> None:
    """Begin every generator anew from seed, rank and step."""
    seed = np.random.SeedSequence((runner.seed or 0, get_rank(), runner.iter)).generate_state(1)[0]
    torch.manual_seed(int(seed))
    np.random.seed(seed)
    random.seed(int(seed))


def validate_if_due(runner: Runner, scored: Container[int]) -> None:
    """Run the validation that follows the checkpoint, which was saved before it.

    Whether the stopped run had ended it shows where it found its best score and saved once more;
    other validations are run again, with the same result.

    Args:
        scored: Steps or epochs whose validation is known to be over. That of a finished training is
            run all the same.
    """
    loop = runner.train_loop
    if isinstance(loop, IterBasedTrainLoop):
        unit, step, last = 'step', loop.iter, loop.max_iters
    elif isinstance(loop, EpochBasedTrainLoop):
        unit, step, last = 'epoch', loop.epoch, loop.max_epochs
    else:
        return
    if runner.val_loop is None or step < max(loop.val_begin, 1) or step in scored and step < last:
        return
    loop._decide_current_val_interval()
    if step % loop.val_interval == 0 or step >= last:
        runner.logger.info(
            f'the validation after {unit} {step} comes first: the run may have been stopped in it'
        )
        runner.val_loop.run()
