"""Run a study: python experiments/run.py STUDY --data DATA --out OUT

OUT/records.csv gets a row a run, also of one that failed; what it has already is not repeated.
Weights and logs lie in OUT/STUDY. Studies that need each other's weights and rates go into the same
OUT.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.plans import STUDIES  # noqa: E402
from experiments.studies import run_study  # noqa: E402
from ocrnet_mmdet.cli import one_line_errors  # noqa: E402

if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('study', choices=STUDIES)
    parser.add_argument('--data', required=True, type=Path, help='folder that holds the data sets')
    parser.add_argument(
        '--out', required=True, type=Path, help='folder for records, weights and logs'
    )
    parser.add_argument('--jobs', type=int, default=2, help='runs side by side, one thread each')
    args = parser.parse_args()
    with one_line_errors():
        run_study(args.study, args.data, args.out.resolve(), args.jobs)
