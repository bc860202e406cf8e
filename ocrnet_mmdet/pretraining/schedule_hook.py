"""What of a pretraining depends on the step: the teacher, the log-variances and whose regions are
learnt.
"""

from __future__ import annotations

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.checkpoint_check import PRETRAINING
from ..errors import InputError, require
from .pretrainer import pretrainer_of
from .schedules import cosine, longest_momentum, ramp


@HOOKS.register_module()
class OCRNetPretrainHook(Hook):
    """The schedule of a pretraining without labels.

    Args:
        momentum: The teacher's, from the first step to the last along a cosine, as far as
            ``horizon`` lets it rise.
        horizon: Share of the steps that the teacher averages over at most, which bounds the
            momentum (of 2,000 steps at 0.99, of 20,000 at 0.999): an unbounded one hands over a
            detector of long ago.
        sigma_from: Share of the steps after which the log-variances join in, over as long again.
        own_from: Share of the steps after which the regions are those that the teacher finds by
            then; 1 keeps the discovered ones to the end.
    """

    priority = 'NORMAL'  # before the hooks that look at what it has done

    def __init__(
        self,
        momentum: tuple[float, float] = (0.99, 1.0),
        horizon: float = 0.05,
        sigma_from: float = 0.12,
        own_from: float = 1.0,
    ) -> None:
        self.momentum = require('OCRNetPretrainHook.momentum', momentum, low=0, high=1, count=2)
        self.horizon = require('OCRNetPretrainHook.horizon', horizon, above=0)
        self.sigma_from = require('OCRNetPretrainHook.sigma_from', sigma_from, low=0, high=1)
        self.own_from = require('OCRNetPretrainHook.own_from', own_from, low=0, high=1)
        self.finder_is_new = True  # not yet a copy of a trained teacher

    def before_run(self, runner: Runner) -> None:
        """Make room for a finder where there will be one.

        Raises:
            InputError: The model is no ``OCRNetPretrainer``, or none that could find regions of its
                own; or there are two such hooks.
        """
        model = pretrainer_of(runner)
        if sum(isinstance(hook, OCRNetPretrainHook) for hook in runner.hooks) > 1:
            raise InputError(
                'two OCRNetPretrainHooks would move the teacher twice a step: set '
                'default_hooks.schedule alone, and leave the hook out of custom_hooks'
            )
        if self.own_from < 1:
            if 'rpn_head' in model.untrained and not (runner._load_from or runner._resume):
                raise InputError(
                    f'own_from={self.own_from} takes the regions of a region head that is not '
                    'trained: set model.weights.regions=1, or own_from=1'
                )
            model.keep_finder()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        step, model = runner.iter, pretrainer_of(runner)
        if 'vectors' in model.terms:
            begin = self.sigma_from * runner.max_iters
            model.terms['vectors'].sigma_share = ramp(begin, 2 * begin, step)
        if self.own_from < 1:
            model.own_regions = step >= round(self.own_from * runner.max_iters)
            if model.own_regions and self.finder_is_new:
                model.update_finder()
                self.finder_is_new = False

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        first, last = self.momentum
        momentum = cosine(first, last, runner.max_iters, runner.iter)
        longest = longest_momentum(self.horizon, runner.max_iters)
        pretrainer_of(runner).update_teacher(min(momentum, longest))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint.setdefault(PRETRAINING, {})['finder_is_new'] = self.finder_is_new

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if runner._resume:
            self.finder_is_new = checkpoint.get(PRETRAINING, {}).get('finder_is_new', True)
