"""Run a study of the README: python tools/benchmark.py STUDY --data DATA --out OUT/STUDY.

Every run is a process with one thread; its JSON and log are kept, and a finished run is not
repeated. Name an empty folder: beside the results that are kept in benchmarks/ there are no weights.
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.benchmark.studies import STUDIES  # noqa: E402
from ocrnet_mmdet.cli import one_line_errors  # noqa: E402

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('study', choices=STUDIES)
    parser.add_argument('--data', required=True, help='folder that holds the data sets')
    parser.add_argument('--out', required=True, type=Path, help='folder for JSON files and logs')
    parser.add_argument('--jobs', type=int, default=2, help='runs side by side, one thread each')
    args = parser.parse_args()
    with one_line_errors():
        STUDIES[args.study](args.data, args.out, args.jobs)
