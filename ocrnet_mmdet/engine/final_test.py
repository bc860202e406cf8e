"""Scores the test data once a training is over."""

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..errors import InputError


@HOOKS.register_module()
class OCRNetFinalTestHook(Hook):
    """Runs the test loop after the last epoch, on the last weights, into the same log."""

    def before_train(self, runner: Runner) -> None:
        """Test data that are not there are named before the first step.

        Raises:
            InputError: The config has none.
        """
        if runner.test_loop is None:
            raise InputError(
                'OCRNetFinalTestHook has no test data: set test_dataloader, test_evaluator and '
                'test_cfg, or take the hook out of custom_hooks'
            )

    def after_train(self, runner: Runner) -> None:
        runner.test_loop.run()
