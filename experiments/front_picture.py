"""The picture on top of README.md: python experiments/front_picture.py --data DATA --out OUT

From the nets that the study `front_picture` left in OUT: outlines of what each finds in one val
picture of `nuclei`, beside the ground truth. The picture is not chosen by eye: of those with a
middling number of objects it is the one with the median gain.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmdet.apis import init_detector  # noqa: E402
from mmdet.registry import DATASETS  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402
from mmengine.config import Config  # noqa: E402
from pycocotools import mask as coco_mask  # noqa: E402
from torch import nn  # noqa: E402

import ocrnet_mmdet  # noqa: E402, F401 (before mmdet, whose notes on import it keeps off the terminal)
from ocrnet_mmdet.evaluation.matching import matched, overlaps  # noqa: E402

STUDY = 'front_picture'
ARMS = {'random start': 'random', 'after a stage without labels': 'pretrained'}
SCORE, IOU = 0.3, 0.5
OBJECTS = (15, 45)  # of the pictures that are chosen from: half of the val pictures have as many
SIDE, CAPTION = 400, 34  # of a panel and of the line above it, pixels
FOUND, WRONG = (60, 200, 60), (235, 70, 60)  # RGB


def main(data_root: Path, out: Path, to: Path) -> None:
    """Draw it, and say which picture it is."""
    folders = {name: next(out.glob(f'{STUDY}/fine-tuning/*_{arm}_*')) for name, arm in ARMS.items()}
    configs = {name: Config.fromfile(next(folder.glob('*.py'))) for name, folder in folders.items()}
    nets = {
        name: init_detector(configs[name], str(next(folder.glob('iter_*.pth'))), device='cpu')
        for name, folder in folders.items()
    }
    scored = next(iter(configs.values())).val_dataloader.dataset
    scored.data_root = f'{data_root}/nuclei/'
    dataset = DATASETS.build(scored)
    middling = [
        i
        for i in range(len(dataset))
        if OBJECTS[0] <= len(dataset.get_data_info(i)['instances']) <= OBJECTS[1]
    ]
    random, ours = nets.values()
    gains = [_f1(ours, dataset[i]) - _f1(random, dataset[i]) for i in middling]
    chosen = middling[int(np.argsort(gains)[len(gains) // 2])]
    strip = np.concatenate(_panels(nets, dataset[chosen]), 1)
    Image.fromarray(strip).quantize(256, dither=Image.Dither.NONE).save(to, optimize=True)
    print(
        f'{to}: {dataset.get_data_info(chosen)["img_path"]}, of {len(middling)} pictures; F1 at '
        f'IoU {IOU} {_f1(random, dataset[chosen]):.2f} and {_f1(ours, dataset[chosen]):.2f}'
    )


def _panels(nets: dict[str, nn.Module], data: dict) -> list[np.ndarray]:
    """The picture as each net sees it, then with its ground truth, (H, W, 3) RGB each."""
    panels = []
    for name, net in nets.items():
        sample = _detected(net, data)
        masks, correct = _compared(sample)
        panels.append(
            _panel(
                sample, masks, correct, f'{name}: {correct.sum()} right, {(~correct).sum()} wrong'
            )
        )
    truth = _truth(sample)
    return [
        *panels,
        _panel(sample, truth, np.ones(len(truth), bool), f'ground truth: {len(truth)}'),
    ]


def _panel(
    sample: DetDataSample, masks: np.ndarray, correct: np.ndarray, caption: str
) -> np.ndarray:
    image = cv2.cvtColor(cv2.imread(sample.img_path), cv2.COLOR_BGR2RGB)
    factor = SIDE / max(image.shape[:2])
    image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    for mask, right in zip(masks, correct):
        large = cv2.resize(mask.astype(np.float32), image.shape[1::-1]) > 0.5
        outline, _ = cv2.findContours(
            large.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(image, outline, -1, FOUND if right else WRONG, 2, cv2.LINE_AA)
    line = np.full((CAPTION, image.shape[1], 3), 255, np.uint8)
    cv2.putText(line, caption, (4, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    panel = np.concatenate([line, image])
    return cv2.copyMakeBorder(panel, 0, 0, 0, 6, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def _detected(net: nn.Module, data: dict) -> DetDataSample:
    return net.test_step(dict(inputs=[data['inputs']], data_samples=[data['data_samples']]))[0]


def _truth(sample: DetDataSample) -> np.ndarray:
    """(objects, H, W)."""
    return sample.gt_instances.masks.to_ndarray().astype(bool)


def _compared(sample: DetDataSample) -> tuple[np.ndarray, np.ndarray]:
    """Masks over ``SCORE``, best first, and whether each is the first one over an object of its
    own.
    """
    found, truth = sample.pred_instances, _truth(sample)
    masks = found.masks[found.scores >= SCORE].numpy()
    overlap = overlaps(_encoded(masks), _encoded(truth))
    return masks, matched(overlap, np.ones_like(overlap, bool), IOU) >= 0


def _encoded(masks: np.ndarray) -> list[dict]:
    return coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))


def _f1(net: nn.Module, data: dict) -> float:
    """Of one picture: 2 x right / (found + objects)."""
    sample = _detected(net, data)
    _, correct = _compared(sample)
    return 2 * correct.sum() / max(len(correct) + len(sample.gt_instances), 1)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', required=True, type=Path, help='folder that holds the data sets')
    parser.add_argument(
        '--out', required=True, type=Path, help='folder that the study was run into'
    )
    parser.add_argument('--to', type=Path, default=ROOT / 'docs/figures/nuclei.png')
    args = parser.parse_args()
    main(args.data, args.out, args.to)
