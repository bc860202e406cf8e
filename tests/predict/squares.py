"""A detector that needs no training: it finds the coloured squares of a black picture, exactly."""

from types import SimpleNamespace

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.structures import InstanceData

from ocrnet_mmdet.picture_pipeline import META
from ocrnet_mmdet.predict import Predictor, predictor
from ocrnet_mmdet.predict.weights import Net

CLASSES = ('blue', 'green', 'red')  # by the channel of cv2's pictures that is set
PIPELINE = [dict(type='mmdet.LoadImageFromNDArray'), dict(type='PackDetInputs', meta_keys=META)]


def find(image: np.ndarray) -> InstanceData:
    """Connected parts of each channel of (H, W, 3), with masks; the brightness is the score."""
    boxes, labels, scores, masks = [], [], [], []
    for label in range(3):
        channel = np.ascontiguousarray(image[..., label])
        count, parts, stats, _ = cv2.connectedComponentsWithStats((channel > 0).astype(np.uint8))
        for k in range(1, count):
            x, y, w, h = stats[k, :4]
            boxes.append([x, y, x + w, y + h])
            labels.append(label)
            scores.append(channel[parts == k].max() / 255)
            masks.append(parts == k)
    return InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor(labels, dtype=torch.long),
        scores=torch.tensor(scores, dtype=torch.float32),
        masks=torch.tensor(np.array(masks, bool).reshape(-1, *image.shape[:2])),
    )


class SquareDetector(torch.nn.Module):
    """Attributes: ``batches``, the size of each that was given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def test_step(self, data: dict) -> list:
        self.batches.append(len(data['inputs']))
        pictures = [picture.numpy().transpose(1, 2, 0) for picture in data['inputs']]
        return [SimpleNamespace(pred_instances=find(picture)) for picture in pictures]


def square_predictor(monkeypatch, picture_side: int | None = None, **options) -> Predictor:
    """A Predictor with this detector in it."""
    net = Net(SquareDetector(), Compose(PIPELINE), CLASSES, picture_side, 'squares')
    monkeypatch.setattr(predictor, 'load_net', lambda *_: net)
    monkeypatch.setattr(predictor, 'checkpoint_file', str)
    return Predictor('squares.pth', **options)


def draw_squares(height: int, width: int, boxes: list, labels: list) -> np.ndarray:
    """Squares of different brightness, 100 to 255."""
    image = np.zeros((height, width, 3), np.uint8)
    for i, ((x0, y0, x1, y1), label) in enumerate(zip(boxes, labels)):
        image[y0:y1, x0:x1, label] = 255 - i * 155 // max(1, len(boxes))
    return image


def random_squares(seed: int, height: int, width: int, largest: int) -> np.ndarray:
    """Squares that do not touch, at random places."""
    rng = np.random.default_rng(seed)
    image, boxes, labels = np.zeros((height, width), bool), [], []
    for _ in range(200):
        w, h = (int(side) for side in rng.integers(3, largest + 1, 2))
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        if not image[max(0, y - 2) : y + h + 2, max(0, x - 2) : x + w + 2].any():
            image[y : y + h, x : x + w] = True
            boxes.append((x, y, x + w, y + h))
            labels.append(int(rng.integers(3)))
    return draw_squares(height, width, boxes, labels)
