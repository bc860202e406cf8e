"""Write a trained detector as one ONNX file: python tools/export.py CHECKPOINT --out model.onnx"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ocrnet_mmdet.cli import one_line_errors
from ocrnet_mmdet.export.onnx_file import export

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'checkpoint', help='of a training, or its work folder, whose last one is taken'
    )
    parser.add_argument('--out', type=Path, required=True, help='.onnx file')
    parser.add_argument(
        '--check',
        type=int,
        default=0,
        metavar='N',
        help="compare both on the first N pictures of the test set in the checkpoint's config",
    )
    args = parser.parse_args()
    with one_line_errors():
        found = export(args.checkpoint, args.out, args.check)
    print(f'{args.out}: {args.out.stat().st_size / 2**20:.1f} MiB')
    if found:
        print(json.dumps(found, indent=1))
