"""How well the frozen region vectors tell labelled objects apart: a few-label probe.

Shape shorthand: N regions, D a region vector's length, K classes; class K is the background. Boxes
are xyxy in pixels of a view.
"""

from __future__ import annotations

import json
import os

import numpy as np
import torch
from mmdet.structures.bbox import bbox2roi, bbox_overlaps
from torch import Tensor, nn

from ..datasets.clean import check_dataset
from ..datasets.load_image import read_picture
from ..errors import InputError, require
from .slots import box_forward, captured_input
from .views import MIN_SIDE, ViewMap, show

IMAGES = 200  # evenly drawn from the JSON: enough for +-2 points, and 30 MB at 224 px
TRIES = 50  # boxes drawn for every background box that is wanted
MAX_OVERLAP = 0.3  # IoU of a background box with any object
RIDGE = 0.1  # of a standardised feature's variance


class Probe:
    """Objects of a COCO JSON and as many background boxes, and a ridge classifier of their vectors.

    It is fitted on the vectors of every second image and scored on the others'. Images and
    boxes are the same at every call, so the score changes with the weights alone.

    Args:
        ann_file: COCO JSON, relative to ``data_root``.
        data_root: Folder.
        img_dir: Folder of the images, relative to ``data_root``.
        size: Side of the square that each image is shown in, pixels, as in the views.

    Raises:
        InputError: Something of it cannot be used, or there are too few images to split.
    """

    def __init__(
        self, ann_file: str, data_root: str = '', img_dir: str = '', size: int = 224
    ) -> None:
        self.size = require('OCRNetProbeHook.size', size, int, low=8)
        ann_file, img_dir = (os.path.join(data_root, path) for path in (ann_file, img_dir))
        check_dataset(ann_file, img_dir, None, 'probe')
        with open(ann_file, encoding='utf-8') as file:
            content = json.load(file)
        ids = sorted(category['id'] for category in content['categories'])
        self.background = len(ids)
        boxes: dict[int, list] = {}
        for item in content['annotations']:
            if not item.get('iscrowd'):
                boxes.setdefault(item['image_id'], []).append(
                    (*item['bbox'], ids.index(item['category_id']))
                )
        images = [image for image in content['images'] if image['id'] in boxes]
        even = np.linspace(0, len(images) - 1, min(len(images), IMAGES)).round().astype(int)
        images = [images[i] for i in even]
        shown = [
            self._show(os.path.join(img_dir, image['file_name']), boxes[image['id']], seed)
            for seed, image in enumerate(images)
        ]
        self.images = [image for image, _, _ in shown]
        self.boxes = [boxes for _, boxes, _ in shown]
        self.labels = [labels for _, _, labels in shown]
        self._check_halves(ann_file)

    def _show(self, path: str, objects: list, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """An image (3, S, S) uint8 with its boxes (N, 4) and their classes (N,)."""
        image = read_picture(path)
        height, width = image.shape[:2]
        view = ViewMap.of_crop(np.array((0, 0, width, height), float), self.size, flip=False)
        found = np.array(objects, float)
        found[:, 2:4] += found[:, :2]
        boxes = torch.from_numpy(view.boxes(found[:, :4])).float().clamp(0, self.size)
        large = ((boxes[:, 2:] - boxes[:, :2]) >= MIN_SIDE).all(1)
        labels = torch.from_numpy(found[:, 4]).long()[large]
        empty = background_boxes(boxes, int(large.sum()), self.size, np.random.default_rng(seed))
        pixels = np.ascontiguousarray(show(image, view, self.size).transpose(2, 0, 1))
        return (
            torch.from_numpy(pixels),
            torch.cat([boxes[large], empty]),
            torch.cat([labels, labels.new_full((len(empty),), self.background)]),
        )

    def _check_halves(self, ann_file: str) -> None:
        halves = [
            torch.cat(self.labels[first::2]).unique() if len(self.labels) > first else []
            for first in (0, 1)
        ]
        if min(map(len, halves)) < 2:
            raise InputError(
                f'probe: {ann_file} has too few images with objects of {MIN_SIDE:g} px and '
                f'background beside them ({len(self.labels)}) to fit on one half and score on the '
                'other: name a larger file, or none'
            )

    def accuracy(self, detector: nn.Module) -> tuple[float, float]:
        """Balanced accuracy of the detector's vectors on the second half, and that of chance."""
        vectors = [region_vectors(detector, *pair) for pair in zip(self.images, self.boxes)]
        fit, score = ((torch.cat(vectors[i::2]), torch.cat(self.labels[i::2])) for i in (0, 1))
        return balanced_accuracy(ridge_classes(*fit, score[0]), score[1], fit[1].unique())


@torch.no_grad()
def region_vectors(detector: nn.Module, image: Tensor, boxes: Tensor) -> Tensor:
    """(N, D) float64 on the CPU: what the classifier reads at boxes (N, 4) of an image (3, S, S).

    Args:
        detector: In evaluation mode.
    """
    inputs = detector.data_preprocessor(dict(inputs=[image]), False)['inputs']
    levels = detector.extract_feat(inputs)
    with captured_input(detector.roi_head.bbox_head.fc_cls) as seen:
        box_forward(detector.roi_head, levels, bbox2roi([boxes.to(inputs.device)]), 0.0)
    return seen[0].double().cpu()


def background_boxes(objects: Tensor, count: int, size: int, rng: np.random.Generator) -> Tensor:
    """Up to ``count`` random boxes in a square with an IoU below 0.3 to all ``objects`` (R, 4).

    They have the objects' own sizes, so that size alone does not tell them.
    """
    sides = (objects[:, 2:] - objects[:, :2]).clamp(min=MIN_SIDE).numpy()
    sides = sides[rng.integers(len(sides), size=TRIES * count)]
    corners = rng.random((TRIES * count, 2)) * (size - sides)
    drawn = torch.from_numpy(np.concatenate([corners, corners + sides], axis=1)).float()
    return drawn[(bbox_overlaps(drawn, objects) < MAX_OVERLAP).all(1)][:count]


def ridge_classes(vectors: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """(M,) the classes of ``asked`` (M, D) by a ridge classifier fitted on (N, D) and (N,).

    Closed form of least squares to one-hot targets, each class with the same weight in all.
    """
    classes, columns, counts = labels.unique(return_inverse=True, return_counts=True)
    weight = (1.0 / (len(classes) * counts))[columns].to(vectors)[:, None]
    mean = (weight * vectors).sum(0)
    scale = (weight * (vectors - mean).square()).sum(0).sqrt() + 1e-6
    x, asked = ((rows - mean) / scale for rows in (vectors, asked))
    y = torch.nn.functional.one_hot(columns).to(x) - 1 / len(classes)
    inner = x.T @ (weight * x) + RIDGE * torch.eye(x.shape[1]).to(x)
    return classes[(asked @ torch.linalg.solve(inner, x.T @ (weight * y))).argmax(1)]


def balanced_accuracy(guesses: Tensor, labels: Tensor, known: Tensor) -> tuple[float, float]:
    """Mean share that is right over the classes of both ``labels`` and ``known``, and chance's."""
    shares = [
        float((guesses[labels == c] == c).double().mean()) for c in known if (labels == c).any()
    ]
    return float(np.mean(shares)), 1 / len(known)
