"""Objects found by discovered regions, a grid and random boxes, and the time it takes:
python tools/recall.py --data ../shared/data --out benchmarks/recall.json
"""
import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2  # noqa: E402

from ocrnet_mmdet.benchmark.data_sets import DATA_SETS, OBJECTS  # noqa: E402
from ocrnet_mmdet.benchmark.recall import SPLITS, detections_of, measure  # noqa: E402
from ocrnet_mmdet.benchmark.speed import machine  # noqa: E402
from ocrnet_mmdet.pretraining.regions import WORKING_SIZE  # noqa: E402

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', required=True, type=Path, help='folder that holds the data sets')
    parser.add_argument('--sets', nargs='+', choices=DATA_SETS,
                        default=[name for name in DATA_SETS if name != OBJECTS])
    parser.add_argument('--split', choices=SPLITS, help='of all sets; by default train, and both of coco_mini')
    parser.add_argument('--size', type=int, default=WORKING_SIZE,
                        help='longest side of the picture in which regions are discovered, pixels')
    parser.add_argument('--detector', nargs=2, metavar=('CONFIG', 'CHECKPOINT'),
                        help='count what this pretrained detector finds too')
    parser.add_argument('--out', required=True, type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)  # the time is that of one core
    report = dict(command=' '.join(sys.argv), machine=machine('cpu'))
    for name in args.sets:
        splits = ('train', 'val') if name == 'coco_mini' else ('train', )
        splits = (args.split, ) if args.split else splits
        detect = detections_of(*args.detector, DATA_SETS[name].size) if args.detector else None
        report[name] = dict(splits=splits, **measure(args.data, name, splits, detect, args.size))
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1))
        print(name, json.dumps(report[name]), flush=True)
