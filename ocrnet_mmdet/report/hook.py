"""Leaves a training's report in its work folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmdet.evaluation import CocoMetric
from mmdet.registry import HOOKS
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.peak_memory import resident_peak_mb
from ..pretraining.monitor_hook import readiness_of
from ..whole_file import whole_file
from .facts import begun, write_facts

DETECTIONS = 'val_detections'  # .bbox.json and .segm.json, COCO results of the last validation
REPORT = 'report.html'


@HOOKS.register_module()
class OCRNetReportHook(Hook):
    """Writes ``report.html`` when a training is over, and keeps what it is made of.

    The detections are those that mmdet's ``CocoMetric`` writes for pycocotools anyway: they are
    copied into the work folder, and nothing is predicted twice.
    What cannot be written is said in one line, and the training goes on.
    """

    priority = 'LOWEST'  # after the last checkpoint and the last scores

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.scratch: TemporaryDirectory | None = None  # where CocoMetric writes

    def before_train(self, runner: Runner) -> None:
        if is_main_process():
            with harmless(runner):
                if not runner._resume:
                    for file in Path(runner.work_dir).glob(f'{DETECTIONS}.*.json'):
                        file.unlink()  # of an earlier training
                self.facts = begun(runner)
                write_facts(runner, self.facts)

    def before_val(self, runner: Runner) -> None:
        self.scratch = self.scratch or TemporaryDirectory(prefix='detections_')
        for metric in runner.val_loop.evaluator.metrics:
            if isinstance(metric, CocoMetric) and metric.outfile_prefix is None:
                metric.outfile_prefix = f'{self.scratch.name}/{DETECTIONS}'

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        with harmless(runner):
            for metric in runner.val_loop.evaluator.metrics:
                if isinstance(metric, CocoMetric) and metric.outfile_prefix:
                    _keep(metric, Path(runner.work_dir, DETECTIONS))

    @master_only
    def after_train(self, runner: Runner) -> None:
        leave_report(runner, finished=True)


def leave_report(runner: Runner, finished: bool = False) -> None:
    """Write the page of a training that is over or was stopped; what is wrong is said in a line."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, OCRNetReportHook)]
    if not hooks or not is_main_process():
        return
    with harmless(runner):
        from .page import write_report  # with what draws and judges, which no step needs

        verdict = readiness_of(runner)
        facts = dict(
            hooks[0].facts,
            finished=finished,
            ended=time.time(),
            peak_mb=resident_peak_mb(),
            readiness=verdict and asdict(verdict),
        )
        write_facts(runner, facts)
        file = write_report(Path(runner.work_dir))
        runner.logger.info(f'report: {file}')


def _keep(metric: CocoMetric, place: Path) -> None:
    """Copy what a metric has written of the kinds that it scores, ``PREFIX.bbox.json``."""
    for kind in ('bbox', 'segm'):
        source = Path(f'{metric.outfile_prefix}.{kind}.json')
        if kind in metric.metrics and source.is_file():
            with whole_file(f'{place}.{kind}.json') as part:
                shutil.copyfile(source, part)


@contextmanager
def harmless(runner: Runner) -> Iterator[None]:
    """Say in one warning what goes wrong, whatever it is: a report may not end a training."""
    try:
        yield
    except Exception as error:
        runner.logger.warning(
            f'{REPORT} is not whole ({type(error).__name__}: {" ".join(str(error).split())}): the '
            f'training is as it would be without it; python tools/report.py {runner.work_dir} '
            'makes it again'
        )
