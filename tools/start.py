"""From own pictures and labels to two configs: python tools/start.py --pictures DIR --labels
LABELS --out mine/

LABELS is COCO JSON, a YOLO data.yaml, a folder of YOLO, Pascal VOC or LabelMe files, VIA JSON, CVAT
XML, a CSV of boxes or a folder of mask pictures: its content says which (docs/label_formats.md).
Looks at the pictures and the labels, checks them as training would, splits them where they bring no
split and there is no --val, and writes

    OUT/annotations/train.json, val.json    checked copies; the pictures stay where they are
    OUT/finetune.py, OUT/pretrain.py        short configs with the reason of every number
    OUT/report.txt, check.html              what was found, what was mended; with drawings

Without --labels it writes pretrain.py alone, and with --first 10 also OUT/first.txt: ten pictures
to label first.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ocrnet_mmdet.cli import one_line_errors  # noqa: E402
from ocrnet_mmdet.start import start  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--pictures', required=True, type=Path, help='folder of pictures, at any depth'
    )
    parser.add_argument(
        '--labels', type=Path, help='label file, or folder of label files, of any format above'
    )
    parser.add_argument('--val', type=Path, help='labels of the pictures to score on, likewise')
    parser.add_argument(
        '--val-share',
        type=float,
        default=0.2,
        help='of the labelled pictures, to score on where there is neither --val nor a split',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the split')
    parser.add_argument(
        '--no-imagenet',
        dest='imagenet',
        action='store_false',
        help='a narrow net from random weights, where ImageNet weights cannot be used',
    )
    parser.add_argument(
        '--first',
        type=int,
        metavar='COUNT',
        help='without labels: name the pictures to label first, those that stand for most others',
    )
    parser.add_argument('--out', required=True, type=Path, help='a new folder for all of it')
    print(start(**vars(parser.parse_args()), configs=ROOT / 'configs'))


if __name__ == '__main__':
    with one_line_errors():
        main()
