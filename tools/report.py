"""Write a training's report again, or put two side by side: python tools/report.py WORK_DIR [OTHER]

Writes WORK_DIR/report.html, of two OTHER/report_beside_WORK_DIR.html. Nothing is predicted: the
page is made of what the training left. docs/report.md is the guide.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.cli import one_line_errors  # noqa: E402
from ocrnet_mmdet.report.page import write_report, write_side_by_side  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('work_dir', type=Path, help="a training's work folder")
    parser.add_argument('other', type=Path, nargs='?', help='one to put beside it')
    parser.add_argument('--out', type=Path, help='the page, instead of one in the work folder')
    args = parser.parse_args()
    if args.other:
        print(write_side_by_side([args.work_dir, args.other], args.out))
    else:
        print(write_report(args.work_dir, args.out))


if __name__ == '__main__':
    with one_line_errors():
        main()
