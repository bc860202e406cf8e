"""What tools/train.py and tools/test.py share."""

import argparse
import ast
import errno
import logging
import os
import re
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdet.evaluation import DumpDetResults
from mmengine.config import Config, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner

from .checkpoint_loader import check_file
from .config_tree import as_list, datasets_of
from .config_values import check_values
from .datasets.check_config import check_config, clean_config
from .engine.explained import explained
from .engine.stop_signals import stop_after_step
from .engine.terminal import SummaryHook, TerminalRunner, prints_in_log
from .errors import InputError
from .options import check_options, read_config
from .report.hook import leave_report

STDOUT = 1
INNER_BLANK = re.compile(r'[^\s,(\[]\s+[^\s,)\]]')
RIGHTS = 'correct its rights, or name another place'
ROOM = 'make room there or name another place; a training goes on with --resume'
LIMIT = "raise the limit of a file's size (ulimit -f unlimited); a training goes on with --resume"
NO_FOLDER = 'name a place that can be a file in a folder'
# What can be wrong with a place that a user named, and the fix; another OSError is a defect.
FILE_FAULTS = {
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EROFS: RIGHTS,
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: LIMIT,
    errno.EEXIST: NO_FOLDER,
    errno.ENOTDIR: NO_FOLDER,
    errno.EISDIR: NO_FOLDER,
    errno.ENAMETOOLONG: NO_FOLDER,
}


class OptionAction(DictAction):
    """mmengine's ``DictAction``, but for quotes and blanks: quotes make text of a value and keep
    its blanks and commas.

    ``classes="('white cell','2')"`` and ``data_root="MY PICTURES/"`` are what they say.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option_string: str | None = None,
    ) -> None:
        options = dict(getattr(namespace, self.dest) or {})
        for pair in values:
            key, equals, text = pair.partition('=')
            if not equals:
                parser.error(f'{option_string}: {pair!r} is no key=value pair')
            try:
                options[key] = parse_option(text)
            except ValueError as error:
                parser.error(f'{option_string}: {key}={text}: {error}')
        setattr(namespace, self.dest, options)


def parse_option(text: str) -> object:
    """The value of a ``key=value`` pair.

    Raises:
        ValueError: It is a list of which an item without quotes holds a blank, or its brackets do
            not match.
    """
    try:
        value = ast.literal_eval(text)
        quoted = (
            isinstance(value, str)
            or isinstance(value, (list, tuple))
            and ("'" in text or '"' in text)
        )
    except (ValueError, SyntaxError, TypeError):
        quoted = False
    if quoted:
        return list(value) if isinstance(value, tuple) and not text.startswith('(') else value
    if not any(mark in text for mark in ',(['):
        return DictAction._parse_int_float_bool(text)
    if INNER_BLANK.search(text):
        raise ValueError('put quotes around what holds a blank')
    try:
        return DictAction._parse_iterable(text)
    except AssertionError as error:
        raise ValueError(error) from error


def count(text: str) -> int:
    """An argument of argparse's that is a number from 1 on."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text!r} is no number of them: give 1 or more')
    return int(text)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an :class:`InputError`, or that a file cannot be written or read, as one line.

    The exit status is 2 then, 130 after Ctrl-C, and 141 without a word where what reads the output
    has ended, as in ``| head``.

    One that a data loader's worker raised comes as the worker's whole traceback; its last line is
    ours.
    """
    logging.raiseExceptions = False  # of a log on a full disk: the next file says it, in one line
    try:
        with _ends_with_reader():
            yield
    except InputError as error:
        line = str(error).strip().splitlines()[-1]
        print('error:', line.removeprefix('ocrnet_mmdet.errors.InputError: '), file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        fix = FILE_FAULTS.get(error.errno or 0)
        if fix is None:
            raise
        place = error.filename or 'a file in the work folder or the temporary folder'
        print(f'error: {place}: {error.strerror}: {fix}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print('stopped by Ctrl-C', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


@contextmanager
def _ends_with_reader() -> Iterator[None]:
    """Exit as unix tools do once nothing reads the standard output any more."""
    try:
        yield
        if sys.stdout:  # here, as Python prints what fails at the end of the process
            sys.stdout.flush()
    except BrokenPipeError:
        if _is_read():  # another pipe broke: a defect
            raise
        sys.exit(128 + signal.SIGPIPE)
    finally:
        if not _is_read():
            os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)  # for what still waits there


def _is_read() -> bool:
    poll = select.poll()
    poll.register(STDOUT, 0)  # the end of the reader is told unasked
    return not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that training and testing have in common."""
    parser.add_argument(
        '--skip-bad-images',
        action='store_true',
        help='leave out pictures that cannot be read and boxes that are none',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionAction,
        default={},
        help='key=value pairs that override the config',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='set by torch.distributed.launch'
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config with ``--cfg-options``, ``--launcher`` and ``--work-dir`` applied."""
    if not Path(args.config).is_file():
        raise InputError(f'config {args.config} does not exist: name a file of configs/')
    cfg = read_config(args.config, args.cfg_options)
    check_options(cfg, args.cfg_options)
    cfg.merge_from_dict(args.cfg_options)
    check_values(cfg)
    cfg.launcher = args.launcher
    cfg.work_dir = (
        args.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(args.config).stem)
    )
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return cfg


def run_training(cfg: Config, skip_bad: bool = False, options: dict = dict()) -> Runner:
    """Check the data that the config names, or clean it, then train.

    Args:
        options: Of the command line, already in ``cfg``: named where no first step is reached.
    """
    if cfg.get('load_from') is not None:
        check_file(cfg.load_from)
    detector = cfg.model.get('detector', cfg.model)  # of a pretraining, or the model itself
    if (cfg.get('load_from') or cfg.get('resume')) and detector.get('backbone'):
        detector.backbone.init_cfg = None  # weights that will be replaced need no download
    with stop_after_step(), explained(options, cfg.work_dir) as first_step:
        _check_amp(cfg)
        runner = _build(cfg, skip_bad)
        runner.register_hook(first_step)
        runner.register_hook(SummaryHook())
        with prints_in_log(runner):
            try:
                runner.train()
            except SystemExit:  # stopped by a signal, after a step
                leave_report(runner)
                raise
    return runner


def _check_amp(cfg: Config) -> None:
    if cfg.optim_wrapper.get('type') == 'AmpOptimWrapper' and get_device() in ('cpu', 'mps'):
        raise InputError(
            'optim_wrapper.type is AmpOptimWrapper (--amp): mixed precision needs a '
            'GPU that torch can use, here is none: leave it out'
        )


def run_test(args: argparse.Namespace) -> None:
    """Score ``args.checkpoint``; show, dump or augment as the options say."""
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise InputError(f'--out is {args.out}: name a file that ends with .pkl')
    check_file(args.checkpoint)
    cfg = load_config(args)
    cfg.load_from, cfg.resume = args.checkpoint, False
    # A test needs no training data, and check_config looks at all that is named.
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    if args.show or args.show_dir:
        cfg.default_hooks.visualization.update(
            draw=True, show=args.show, wait_time=args.wait_time, test_out_dir=args.show_dir
        )
    if args.other_size:
        _allow_other_size(cfg)
    if args.tta:
        _set_tta(cfg)
    with explained(args.cfg_options, cfg.work_dir) as first_step:
        runner = _build(cfg, args.skip_bad_images)
        runner.register_hook(first_step)
        if args.out:
            runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=args.out))
        with prints_in_log(runner):
            runner.test()


def _allow_other_size(cfg: Config) -> None:
    for hook in cfg.get('custom_hooks') or []:
        if hook.type == 'OCRNetCheckpointCheckHook':
            hook.other_size = True


def _build(cfg: Config, skip_bad: bool) -> Runner:
    notes = clean_config(cfg, cfg.work_dir) if skip_bad else []
    notes += check_config(cfg)
    runner = TerminalRunner.from_cfg(cfg)
    for note in notes:
        runner.logger.info(note)
    return runner


def _set_tta(cfg: Config) -> None:
    """Wrap the model in mmdet's test-time augmentation, with the flipped picture beside the
    picture.
    """
    if cfg.model.get('roi_head') and cfg.model.roi_head.get('mask_head'):
        print('--tta: boxes alone are scored, mmdet merges no masks')
        cfg.model.roi_head.update(mask_head=None, mask_roi_extractor=None)
        for evaluator in as_list(cfg.test_evaluator):
            evaluator.metric = ['bbox']
    nms = dict(type='nms', iou_threshold=0.5)
    cfg.model = dict(type='DetTTAModel', module=cfg.model, tta_cfg=dict(nms=nms, max_per_img=100))
    dataset = next(datasets_of(cfg.test_dataloader))
    pack = dict(dataset.pipeline[-1])
    if 'meta_keys' in pack:  # mmdet's own have these
        pack['meta_keys'] = (*pack['meta_keys'], 'flip', 'flip_direction')
    flips = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
    dataset.pipeline[-1] = dict(type='TestTimeAug', transforms=[flips, [pack]])
