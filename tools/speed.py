"""Speed and memory against stock Mask R-CNN R50-FPN: python tools/speed.py --out speed.json."""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402

from ocrnet_mmdet.evaluation.speed import compare, machine, ratios  # noqa: E402

STOCK = "_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'"

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', default=str(ROOT / 'configs/_base_/ocrnet_r50.py'))
    parser.add_argument('--sizes', type=int, nargs='+', default=[512, 1024])
    parser.add_argument('--batch', type=int, default=2, help='pictures of a training step')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args()
    init_default_scope('mmdet')
    report = dict(command=' '.join(sys.argv), machine=machine(args.device), batch=args.batch)
    for size in args.sizes:
        configs = dict(ocrnet=Config.fromfile(args.config), stock=Config.fromstring(STOCK, '.py'))
        result = compare(configs, size, args.batch, args.repeats, args.device)
        report[str(size)] = dict(result, ratio=ratios(result, 'ocrnet', 'stock'))
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1))
        print(size, report[str(size)]['ratio'], flush=True)
