"""What tools/train.py and tools/test.py share."""
import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from .datasets.own_data import apply_data_knobs
from .errors import InputError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an :class:`InputError` as one line and exit with status 2."""
    try:
        yield
    except InputError as error:
        sys.exit(f'error: {error}')


def load_config(args: argparse.Namespace) -> Config:
    """The config with ``--cfg-options``, ``--launcher`` and ``--work-dir`` applied."""
    if not Path(args.config).is_file():
        raise InputError(f'config {args.config} does not exist: name a file of configs/')
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    apply_data_knobs(cfg, args.cfg_options)
    cfg.launcher = args.launcher
    cfg.work_dir = (args.work_dir or cfg.get('work_dir')
                    or str(Path('work_dirs') / Path(args.config).stem))
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return cfg


def run_training(cfg: Config, skip_bad: bool = False) -> Runner:
    """Check the data that the config names, then train."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner
