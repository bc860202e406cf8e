"""Score a checkpoint: python tools/test.py CONFIG CHECKPOINT [--show-dir DIR] [--out FILE.pkl]
[--tta].
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.cli import add_shared_arguments, one_line_errors, run_test


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for the scores')
    parser.add_argument('--out', help='pickle file for the predictions')
    parser.add_argument('--show', action='store_true', help='show each picture with its detections')
    parser.add_argument(
        '--show-dir', help='folder (in the work folder) for pictures with detections'
    )
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that --show waits')
    parser.add_argument(
        '--other-size',
        action='store_true',
        help='score pictures of another size than the checkpoint was trained for',
    )
    parser.add_argument('--tta', action='store_true', help='test-time augmentation (flips)')
    add_shared_arguments(parser)
    return parser.parse_args()


if __name__ == '__main__':
    with one_line_errors():
        run_test(parse_args())
