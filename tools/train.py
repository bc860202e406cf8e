"""Train a detector: python tools/train.py CONFIG [--cfg-options data_root=... ...].

The options are those of MMDetection's own tools/train.py, plus --skip-bad-images.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.cli import add_shared_arguments, load_config, one_line_errors, run_training  # noqa: E402
from ocrnet_mmdet.engine.resume_check import choose_checkpoint  # noqa: E402
from ocrnet_mmdet.errors import InputError  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (GPU)')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate to the batch size'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from a checkpoint; without a path, from the last one of the work folder',
    )
    add_shared_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.loss_scale = 'dynamic'
    if args.auto_scale_lr:
        if 'auto_scale_lr' not in cfg:
            raise InputError(
                f'--auto-scale-lr: {args.config} does not say for which batch its rate is: '
                'set auto_scale_lr=dict(base_batch_size=...) in it'
            )
        cfg.auto_scale_lr.enable = True
    choose_checkpoint(cfg, args.resume)
    run_training(cfg, skip_bad=args.skip_bad_images, options=args.cfg_options)


if __name__ == '__main__':
    with one_line_errors():
        main()
