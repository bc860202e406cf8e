"""Scores the test data once a training is over."""
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class OCRNetFinalTestHook(Hook):
    """Runs the test loop after the last epoch, on the last weights, into the same log."""

    def before_train(self, runner: Runner) -> None:
        runner.test_loop  # built now: test data that are not there are named before the first step

    def after_train(self, runner: Runner) -> None:
        runner.test_loop.run()
