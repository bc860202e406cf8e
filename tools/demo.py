"""The embedded demo: make the data set, train the tiny OCRNet on it, score it and draw what it
finds.

    python tools/demo.py                  # leaves scores, curve and pictures in work_dirs/demo/
"""
import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmengine.config import Config  # noqa: E402

from ocrnet_mmdet.cli import one_line_errors, run_training  # noqa: E402
from ocrnet_mmdet.datasets.demo_set import make_demo_set  # noqa: E402
from ocrnet_mmdet.datasets.own_data import apply_data_knobs  # noqa: E402
from ocrnet_mmdet.visualization import draw_detections, plot_training  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/demo')
    parser.add_argument('--data', type=Path, default=ROOT / 'data/demo')
    args = parser.parse_args()
    make_demo_set(str(args.data))
    cfg = Config.fromfile(ROOT / 'configs/demo/ocrnet_demo.py')
    cfg.data_root = f'{args.data}/'
    apply_data_knobs(cfg)
    cfg.work_dir = str(args.work_dir)
    runner = run_training(cfg)
    scores = {key.removeprefix('val/coco/'): round(float(value.current()), 4)
              for key, value in runner.message_hub.log_scalars.items() if key.startswith('val/coco/')}
    (args.work_dir / 'scores.json').write_text(json.dumps(scores, indent=1))
    curve = plot_training(Path(runner.log_dir), args.work_dir / 'training.png')
    pictures = draw_detections(runner, args.work_dir / 'detections', count=8)
    print(f'box AP {scores["bbox_mAP"]:.3f}, mask AP {scores["segm_mAP"]:.3f}')
    print(f'scores   {args.work_dir / "scores.json"}\ncurve    {curve}\npictures {pictures}')


if __name__ == '__main__':
    with one_line_errors():
        main()
