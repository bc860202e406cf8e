"""Which start, at how many labels, on my pictures: python tools/compare.py mine/ or PLAN.yaml

mine/ is the folder that tools/start.py wrote. Trains from each start on few and on all labels and
writes OUT/records.csv, a row a run, and OUT/page.html, the answer. The same command goes on where
it was stopped. docs/compare.md is the guide.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ocrnet_mmdet.cli import count, one_line_errors  # noqa: E402
from ocrnet_mmdet.compare import compare  # noqa: E402
from ocrnet_mmdet.compare.plan import seconds_of  # noqa: E402


def _time(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'source', type=Path, help='the folder that tools/start.py wrote, or a plan in YAML'
    )
    parser.add_argument(
        '--out', type=Path, help='folder of the results, default: compare/ in the folder'
    )
    parser.add_argument('--jobs', type=count, default=1, help='runs side by side')
    parser.add_argument(
        '--budget', type=_time, help='time for all of it, such as 2h: drops seeds, then labels'
    )
    parser.add_argument(
        '--time-limit', type=_time, help='of a run; default: five times what is expected'
    )
    parser.add_argument('--dry-run', action='store_true', help='print the table of runs alone')
    compare(**vars(parser.parse_args()), train=ROOT / 'tools/train.py')


if __name__ == '__main__':
    with one_line_errors():
        main()
