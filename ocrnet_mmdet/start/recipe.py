"""The numbers of a training that follow from its data, each with the reason that is written beside
it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..datasets.label_notes import enough_detections
from ..datasets.listing import list_pictures
from ..datasets.note import Note
from ..datasets.object_sizes import SMALL, ZOOM, View, fitting, shares, too_small
from ..datasets.picture import PictureError, decode_picture
from ..errors import InputError
from ..evenly import evenly
from .labels import Labels

BATCH, PRETRAIN_BATCH = 4, 8
DETECTIONS = 100  # of a picture, which COCO counts and mmdet's configs return
STEPS = dict(cpu=1000, gpu=4000)  # of fine-tuning
PRETRAIN_STEPS = dict(cpu=1500, gpu=10000)
# Of EfficientNet-Lite0 from ImageNet weights, True, and of the narrow net, False.
# config in configs/, and NAME_pretrain
NETS = {
    True: 'ocrnet_small_data',
    False: 'benchmark/ocrnet_tiny',
}
RATE, PRETRAIN_RATE = {True: 1e-3, False: 2e-3}, {True: 1e-3, False: 2e-3}
VIEW = dict(cpu=128, gpu=224)  # pixels, of a pretraining
SAMPLE = 50  # pictures without labels whose size is looked at
WITHOUT_LABELS = 512  # longest side at most, pixels, where no object says what fits


@dataclass
class Recipe:
    """Settings by name, and why.

    Attributes:
        values: Of the config's variables.
        reasons: Of some of them.
        found: Lines on the data.
    """

    values: dict[str, int | float | tuple[int, int]]
    reasons: dict[str, str]
    found: list[str]

    def pixels(self, name: str) -> int:
        """A value that is one length."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def lines(self) -> list[str]:
        """The report's."""
        return self.found + [
            f'{name} = {value}' + (f'  ({self.reasons[name]})' if name in self.reasons else '')
            for name, value in self.values.items()
        ]


def _device() -> str:
    return 'gpu' if torch.cuda.is_available() else 'cpu'


def _workers() -> tuple[int, str]:
    cores = os.cpu_count() or 1
    if _device() == 'cpu':
        return 0, f'{cores} cores compute; a worker beside them slows every step'
    return min(4, cores - 1), f'{cores} cores beside a GPU'


def _shared(scale: int, imagenet: bool) -> tuple[dict, dict]:
    workers, why = _workers()
    values = dict(
        net=NETS[imagenet],
        image_scale=scale,
        pretrain_lr=PRETRAIN_RATE[imagenet],
        pretrain_view=VIEW[_device()],
        pretrain_batch=PRETRAIN_BATCH,
        pretrain_steps=PRETRAIN_STEPS[_device()],
        num_workers=workers,
    )
    return values, dict(
        net='from ImageNet weights' if imagenet else 'narrow, from random weights',
        pretrain_lr=f'for batches of {PRETRAIN_BATCH}',
        num_workers=why,
        pretrain_steps='what was measured' if _device() == 'cpu' else 'for a GPU',
    )


def recipe_for(data: Labels, imagenet: bool) -> Recipe:
    """Image scale and crop that fit the objects of the train part, and lengths for the device.

    Raises:
        InputError: No object is left to train on.
    """
    objects = data.objects()
    boxes, sizes = objects.boxes[objects.trained], objects.sizes[objects.trained]
    if not len(boxes):
        raise InputError(
            f'none of the {len(objects.boxes)} objects can be trained on: all are crowds or '
            'thinner than a pixel: annotate others'
        )
    scale, crop = fitting(boxes, sizes)
    sides = np.sqrt(boxes[:, 2:].prod(1))
    drawn = sides * (scale / sizes.max(1))
    own, seen = (np.quantile(x, (0.1, 0.5, 0.9)).round().astype(int) for x in (sides, drawn))
    whole = 1 - shares(boxes, sizes, View([(scale, scale)], ZOOM, (crop, crop)))['cut']
    values, reasons = _shared(scale, imagenet)
    pictures, steps = len(data.train['images']), STEPS[_device()]
    most, most_found = _detections(data)
    values |= dict(crop_size=crop, batch_size=BATCH, max_iters=steps, lr=RATE[imagenet])
    values |= dict(max_detections=most_found)
    reasons |= dict(
        image_scale='longest side in pixels: 10, 50 and 90 % of the objects then have sides below '
        + _row(seen),
        crop_size=f'holds {whole:.0%} of the objects whole',
        max_iters=f'{steps * BATCH / pictures:.0f} times each of {pictures} pictures',
        max_detections=f'of a picture, which has up to {most} objects',
        lr=f'for batches of {BATCH} '
        + (
            'and ImageNet weights'
            if imagenet
            else 'after pretrain.py; without it 1e-3 was as often the best'
        ),
    )
    found = [
        f'objects: 10, 50 and 90 % have sides (root of width x height) below {_row(own)} px, in '
        f'pictures of {int(np.median(sizes.max(1)))} px'
    ]
    small = np.flatnonzero(too_small(boxes, sizes, scale))
    if len(small):
        places = np.flatnonzero(objects.trained)[small]
        text = (
            f'{len(small)} of {len(boxes)} objects are under {SMALL} px wide or high in pictures '
            f'of {scale} px, too small to be learnt well: cut large pictures into smaller ones; of '
            'objects that an edge of the picture cuts off nothing is lost'
        )
        found.append(Note(text, objects.example(*places)))
    return Recipe(values, reasons, found)


def _detections(data: Labels) -> tuple[int, int]:
    """Most objects of a picture of either part, and how many detections of one suffice."""
    counts = [
        np.bincount(objects.picture[~objects.crowd], minlength=1).max()
        for objects in map(data.objects, data.parts)
    ]
    most = int(max(counts))
    return most, enough_detections(most) if most > DETECTIONS else DETECTIONS


def _row(numbers: np.ndarray) -> str:
    return ', '.join(map(str, numbers))


def recipe_without_labels(pictures: Path, imagenet: bool) -> Recipe:
    """Lengths for the device, and the pictures' own scale, for nothing says how large the objects
    are.

    Raises:
        InputError: The folder holds no picture that can be read.
    """
    names = [os.fsdecode(name) for name in list_pictures(str(pictures))]
    longest = []
    for i in evenly(len(names), SAMPLE):
        try:
            longest.append(max(decode_picture((pictures / names[i]).read_bytes()).shape[:2]))
        except PictureError:
            continue
    if not longest:
        raise InputError(f'{pictures} holds no picture that can be read: correct --pictures')
    scale = int(min(np.median(longest), WITHOUT_LABELS))
    values, reasons = _shared(scale, imagenet)
    reasons['image_scale'] = 'longest side in pixels; with --labels it is chosen by the objects'
    return Recipe(
        values, reasons, [f'{len(names)} pictures, half of them over {int(np.median(longest))} px']
    )
