"""Labelled objects found by discovered regions, a grid and random boxes, and the time it takes:
python tools/recall.py --labels train.json --images images/ --out recall.json
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2  # noqa: E402

from ocrnet_mmdet.cli import one_line_errors  # noqa: E402
from ocrnet_mmdet.evaluation.recall import detections_of, measure  # noqa: E402
from ocrnet_mmdet.evaluation.speed import machine  # noqa: E402
from ocrnet_mmdet.pretraining.regions import WORKING_SIZE  # noqa: E402

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--labels', required=True, type=Path, help='COCO JSON')
    parser.add_argument('--images', required=True, type=Path, help='folder of its pictures')
    parser.add_argument(
        '--least-area',
        type=float,
        default=0.0,
        help='of the objects that count, as a share of their picture',
    )
    parser.add_argument(
        '--size',
        type=int,
        default=WORKING_SIZE,
        help='longest side of the picture in which regions are discovered, pixels',
    )
    parser.add_argument(
        '--detector',
        nargs=3,
        metavar=('CONFIG', 'CHECKPOINT', 'SIZE'),
        help='count what this pretrained detector finds in pictures of that longest side',
    )
    parser.add_argument('--out', required=True, type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)  # the time is that of one core
    with one_line_errors():
        detect = detections_of(*args.detector[:2], int(args.detector[2])) if args.detector else None
        result = measure([(args.labels, args.images)], args.least_area, detect, args.size)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(dict(result, machine=machine('cpu')), indent=1))
    print(json.dumps(result['arms'], indent=1))
