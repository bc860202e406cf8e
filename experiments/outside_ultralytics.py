"""Ultralytics' smallest net on the same pictures for the same time, as an outside row of a plan.

    ULTRALYTICS/bin/python experiments/outside_ultralytics.py --train TRAIN.json --val VAL.json \
        --pictures PICTURES/ --side 288 --seconds 300 --out results.json

It runs in an environment of its own, of which this project knows nothing, and starts from random
weights: the net is made from its YAML. Its results go into a plan: ``results: {yolo: {file:
results.json, labels: 30, seconds: 300}}``, where the same call as for all arms scores them.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

from ultralytics import YOLO

LEAST_SCORE, MOST = 0.001, 300  # what COCO's score wants to see


def write_yolo(labels: dict, pictures: Path, folder: Path) -> Path:
    """The labelled pictures as Ultralytics reads them; its data.yaml."""
    numbers = {cat['id']: i for i, cat in enumerate(labels['categories'])}
    lines = defaultdict(list)
    sizes = {image['id']: (image['width'], image['height']) for image in labels['images']}
    for ann in labels['annotations']:
        (width, height), (x, y, w, h) = sizes[ann['image_id']], ann['bbox']
        shares = ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
        text = ' '.join(f'{share:.6f}' for share in shares)
        lines[ann['image_id']].append(f'{numbers[ann["category_id"]]} {text}')
    for image in labels['images']:
        place = folder / 'images' / image['file_name']
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((pictures / image['file_name']).resolve())
        text = folder / 'labels' / Path(image['file_name']).with_suffix('.txt')
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text('\n'.join(lines[image['id']]))
    names = ''.join(f'  {i}: {cat["name"]}\n' for i, cat in enumerate(labels['categories']))
    data = folder / 'data.yaml'
    data.write_text(f'path: {folder}\ntrain: images\nval: images\nnames:\n{names}')
    return data


def detections(model: YOLO, labels: dict, pictures: Path, side: int) -> list[dict]:
    """COCO results on the pictures of a label file."""
    categories = [cat['id'] for cat in labels['categories']]
    found = []
    for image in labels['images']:
        (result,) = model.predict(
            str(pictures / image['file_name']),
            imgsz=side,
            conf=LEAST_SCORE,
            max_det=MOST,
            device='cpu',
            verbose=False,
        )
        boxes = result.boxes
        for (x0, y0, x1, y1), score, label in zip(
            boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.tolist()
        ):
            found.append(
                dict(
                    image_id=image['id'],
                    category_id=categories[int(label)],
                    bbox=[x0, y0, x1 - x0, y1 - y0],
                    score=score,
                )
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--train', type=Path, required=True, help='COCO JSON to train on')
    parser.add_argument('--val', type=Path, required=True, help='COCO JSON to score on')
    parser.add_argument('--pictures', type=Path, required=True, help='folder of both')
    parser.add_argument('--side', type=int, required=True, help='longest side, pixels')
    parser.add_argument('--seconds', type=float, required=True, help='of training')
    parser.add_argument('--net', default='yolo11n.yaml', help='default: yolo11n.yaml')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, required=True, help='COCO results')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        labels = json.loads(args.train.read_text())
        data = write_yolo(labels, args.pictures, Path(folder))
        model = YOLO(args.net)
        model.train(
            data=str(data),
            time=args.seconds / 3600,
            imgsz=args.side,
            batch=4,
            seed=args.seed,
            device='cpu',
            workers=0,
            val=False,
            plots=False,
            amp=False,
            project=folder,
            verbose=False,
        )
        model = YOLO(str(Path(model.trainer.last)))
        val = json.loads(args.val.read_text())
        args.out.write_text(json.dumps(detections(model, val, args.pictures, args.side)))


if __name__ == '__main__':
    main()
