"""What of a run reaches the terminal: what a person acts on. The log file has all of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner

from .. import __file__ as package
from ..datasets.underneath import picture_count
from .room import RoomyRunner

# Upstream files whose lines a person waits for: steps and scores, checkpoints, the table of
# classes.
SHOWN_FILES = ('logger_hook.py', 'checkpoint_hook.py', 'coco_metric.py')
# Upstream warnings that nobody can act on, or that repeat what our own line above them says.
UNSHOWN_WARNINGS = (
    'The model and loaded state dict do not match exactly',
    '"FileClient" will be',
    '"HardDiskBackend" is the alias',
)
SHOWN_CLASSES = 12


class TerminalFilter(logging.Filter):
    """Lets through warnings, this package's lines, and those of ``SHOWN_FILES``."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            return not record.getMessage().startswith(UNSHOWN_WARNINGS)
        path = Path(record.pathname)
        return path.name in SHOWN_FILES or Path(package).parent in path.parents


class TerminalRunner(RoomyRunner):
    """A runner with :class:`TerminalFilter` on the terminal's side of its logger."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(TerminalFilter())
        return logger


@contextmanager
def prints_in_log(runner: Runner) -> Iterator[None]:
    """What pycocotools, mmdet, torch ``print`` or warn of goes to the log file; the logger has the
    terminal.
    """
    files = [h for h in runner.logger.handlers if isinstance(h, logging.FileHandler)]
    caught = logging.getLogger('py.warnings')  # where captureWarnings sends them
    # of several processes the first alone has a file
    caught.handlers = [*files] or [logging.NullHandler()]
    caught.propagate = False
    logging.captureWarnings(True)
    try:
        with (
            open(files[0].baseFilename if files else os.devnull, 'a', buffering=1) as file,
            redirect_stdout(file),
        ):
            yield
    finally:
        logging.captureWarnings(False)
        caught.handlers = []


class SummaryHook(Hook):
    """Says before the first step what is trained on what, where, how long, and where it goes."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        lines = [f'{name:<10}{text}' for name, text in summary(runner) if text]
        runner.logger.info('\n'.join(['this run', *lines]))


def summary(runner: Runner) -> Iterator[tuple[str, str]]:
    """Name and text of each line that :class:`SummaryHook` logs; an empty text says nothing."""
    yield 'data', _data(runner)
    classes = (getattr(runner.train_loop.dataloader.dataset, 'metainfo', None) or {}).get('classes')
    yield 'classes', _classes(classes or ())
    yield 'model', _model(runner)
    yield 'device', _device(runner)
    yield 'schedule', _schedule(runner)
    yield 'results', f'{runner.work_dir}, log {runner.logger.log_file}'


def _data(runner: Runner) -> str:
    dataset = runner.train_loop.dataloader.dataset
    scored = (
        f', {picture_count(runner.val_loop.dataloader.dataset)} to score on'
        if runner.val_loop
        else ''
    )
    root = getattr(dataset, 'data_root', None)
    return f'{picture_count(dataset)} pictures to train on{scored}' + (f' ({root})' if root else '')


def _classes(names: tuple[str, ...]) -> str:
    more = f', ... {len(names)} in all' if len(names) > SHOWN_CLASSES else ''
    return ', '.join(map(str, names[:SHOWN_CLASSES])) + more


def _model(runner: Runner) -> str:
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    whole, trained = sum(n for n, _ in sizes), sum(n for n, learns in sizes if learns)
    start = (
        f'weights of {runner._load_from}'
        if runner._load_from and not runner._resume
        else 'goes on from a checkpoint'
        if runner._resume
        else ''
    )
    return (
        f'{type(model).__name__}, {whole / 1e6:.1f} M parameters, {trained / 1e6:.1f} M of them '
        'trained' + (f'; {start}' if start else '')
    )


def _device(runner: Runner) -> str:
    device = next(runner.model.parameters()).device
    name = (
        torch.cuda.get_device_name(device)
        if device.type == 'cuda'
        else f'{device.type}, {torch.get_num_threads()} threads'
    )
    several = f', {runner.world_size} processes' if runner.world_size > 1 else ''
    amp = ', mixed precision' if 'Amp' in type(runner.optim_wrapper).__name__ else ''
    return name + several + amp


def _schedule(runner: Runner) -> str:
    loop = runner.train_loop
    batch = pictures_a_step(runner)
    length = (
        f'{loop.max_iters} steps'
        if isinstance(loop, IterBasedTrainLoop)
        else f'{loop.max_epochs} epochs'
    )
    unit = 'steps' if isinstance(loop, IterBasedTrainLoop) else 'epochs'
    scored = f', scored every {loop.val_interval} {unit}' if runner.val_loop else ''
    done = f', {runner.iter} steps done' if runner.iter else ''
    return f'{length} of {batch} pictures{done}{scored}'


def pictures_a_step(runner: Runner) -> int:
    """Of all processes of a training."""
    loader = runner.train_loop.dataloader
    size = loader.batch_size or loader.batch_sampler.batch_size  # torch keeps one of the two
    return size * runner.world_size
