"""Detection from Python: checkpoint and pictures in, what was found out.

from ocrnet_mmdet import Predictor

detect = Predictor('mine/finetune/iter_1000.pth')
for found in detect(['a.jpg', 'folder/']):
    print(found.name, found.boxes, found.scores, found.names)
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample

from ..errors import InputError, require
from ..trained_detector import checkpoint_file
from .crops import crop_of
from .found import Found
from .sources import Picture, list_inputs, pictures_of
from .tiles import Pieces, merge, tile_boxes
from .weights import load_net

# Pictures whose longest side is more than this many tiles' are cut: at 1.5, objects would be seen
# at two thirds of the size at which they were trained, which the training's own zoom covers.
FACTOR = 1.5


class Predictor:
    """A detector that takes files, folders, lists, globs, videos and arrays.

    Args:
        checkpoint: A ``.pth`` of a training, or its work folder.
        config: For a file that carries none.
        device: As torch names it; None takes a GPU where there is one.
        score: Least score of what is found.
        top: At most so many of a picture, the best; None: all.
        batch: Pictures, or tiles, that go through the net at once. Those of another size after
            resizing go by themselves: padding would change what is found.
        tile: Side of the tiles that larger pictures are cut into, pixels; 0 cuts none; None takes
            the longest side of the largest picture that the detector was trained on, if known.
        overlap: Of neighbouring tiles, a share of their side: larger objects are put together from
            parts.

    Raises:
        InputError: The checkpoint cannot be used, or a number cannot be meant.
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike,
        config: str | None = None,
        device: str | None = None,
        score: float = 0.3,
        top: int | None = None,
        batch: int = 1,
        tile: int | None = None,
        overlap: float = 0.25,
    ) -> None:
        require('score', score, low=0, high=1)
        require('batch', batch, int, low=1)
        require('overlap', overlap, low=0, high=0.9)
        if top is not None:
            require('top', top, int, low=1)
        if tile:
            require('tile', tile, int, low=16)
        self.file = checkpoint_file(os.fspath(checkpoint))
        self.net = load_net(self.file, config, device, score)
        self.classes = self.net.classes
        self.score, self.top, self.batch, self.overlap = score, top, batch, overlap
        self.tile = self.net.picture_side if tile is None else tile

    def __call__(self, pictures: object) -> Iterator[Found]:
        """What is found in each picture, in their order.

        Args:
            pictures: One or several of: a path (as :func:`.sources.list_inputs` takes it), an
                array (H, W, 3) uint8 BGR.

        Raises:
            InputError: A picture cannot be read, or brought into the net's size.
        """
        one = isinstance(pictures, (str, os.PathLike, np.ndarray))
        given = _pictures([pictures] if one else pictures)  # type: ignore[list-item, arg-type]
        while chunk := list(islice(given, self.batch)):
            for found in self.detect([p.name for p in chunk], [p.read() for p in chunk]):
                if isinstance(found, InputError):
                    raise found
                yield found

    def settings(self, folder: str) -> dict:
        """What records of the pictures below ``folder`` depend on, plain values."""
        return dict(
            checkpoint=self.net.key,
            score=self.score,
            top=self.top,
            tile=self.tile,
            overlap=self.overlap,
            folder=folder,
        )

    def tiles_of(self, height: int, width: int) -> np.ndarray:
        """(T, 4) xyxy: the tiles of a picture of that size, or the whole picture as one."""
        if not self.tile or max(height, width) <= FACTOR * self.tile:
            return np.array([[0, 0, width, height]])
        return tile_boxes(height, width, self.tile, self.overlap)

    def detect(self, names: list[str], images: list[np.ndarray]) -> list[Found | InputError]:
        """What is found in pictures that were read, (H, W, 3) uint8 BGR.

        Returns:
            Of each picture; the error of one that cannot be brought into the net's size.

        Raises:
            InputError: The batch does not fit into the memory of a GPU.
        """
        tiles = [self.tiles_of(*image.shape[:2]) for image in images]
        pieces: list[list] = [[None] * len(boxes) for boxes in tiles]
        errors: dict[int, InputError] = {}
        waiting: dict[tuple, list] = defaultdict(list)
        for i, image in enumerate(images):
            for t, (x0, y0, x1, y1) in enumerate(tiles[i]):
                try:
                    data = self._prepare(image[y0:y1, x0:x1], names[i])
                except InputError as error:
                    errors[i] = error
                    break
                group = waiting[tuple(data['inputs'].shape)]
                group.append((i, t, data))
                if len(group) == self.batch:
                    self._run(group, tiles, pieces)
        for group in filter(None, waiting.values()):
            self._run(group, tiles, pieces)
        return [
            errors.get(i) or self._found(name, images[i].shape[:2], tiles[i], pieces[i])
            for i, name in enumerate(names)
        ]

    def _prepare(self, image: np.ndarray, name: str) -> dict:
        try:
            return self.net.pipeline(dict(img=np.ascontiguousarray(image), img_id=0))
        except (cv2.error, ValueError, ZeroDivisionError) as error:  # of 1 x 5,000 px
            height, width = image.shape[:2]
            raise InputError(
                f'{name}: {width} x {height} px cannot be brought into the size of the net: '
                f'{" ".join(str(error).split())[:100]}'
            ) from error

    def _run(self, group: list, tiles: list[np.ndarray], pieces: list[list]) -> None:
        """Take a group of equal size through the net and empty it."""
        data = dict(
            inputs=[data['inputs'] for _, _, data in group],
            data_samples=[data['data_samples'] for _, _, data in group],
        )
        try:
            with torch.no_grad():
                samples = self.net.model.test_step(data)
        except torch.cuda.OutOfMemoryError as error:
            raise InputError(
                f'{len(group)} pictures at once do not fit into the memory of the GPU: --batch less'
            ) from error
        for (i, t, _), sample in zip(group, samples):
            pieces[i][t] = self._piece(sample, t, tiles[i][t])
        group.clear()

    def _piece(self, sample: DetDataSample, t: int, tile: np.ndarray) -> Pieces:
        """What was found in one tile, in its picture's pixels."""
        found = sample.pred_instances
        found = found[found.scores >= self.score]
        found = found[found.scores.argsort(descending=True, stable=True)]
        x, y = (int(side) for side in tile[:2])
        crops = None
        if 'masks' in found:
            crops = [crop_of(mask).moved(x, y) for mask in _bits(found.masks)]
        return Pieces(
            found.bboxes.cpu().numpy().astype(np.float32) + np.array([x, y, x, y], np.float32),
            found.scores.cpu().numpy().astype(np.float32),
            found.labels.cpu().numpy().astype(np.int64),
            np.full(len(found), t),
            crops,
        )

    def _found(
        self, name: str, size: tuple[int, int], tiles: np.ndarray, parts: list[Pieces]
    ) -> Found:
        all_of_it = parts[0] if len(parts) == 1 else merge(_joined(parts), tiles, *size)
        best = slice(self.top)
        labels = all_of_it.labels[best]
        return Found(
            name,
            *size,
            all_of_it.boxes[best],
            all_of_it.scores[best],
            labels,
            [self.classes[label] for label in labels],
            None if all_of_it.crops is None else all_of_it.crops[best],
        )


def _pictures(given: Iterable) -> Iterator[Picture]:
    for i, one in enumerate(given):
        if isinstance(one, np.ndarray):
            yield Picture(str(i), '', one)
        else:
            _, inputs, _ = list_inputs([os.fspath(one)])
            yield from pictures_of(inputs, lambda _: True)


def _bits(masks: object) -> Iterable[np.ndarray]:
    """Masks (N, H, W) of any device, one after another."""
    return (mask.cpu().numpy().astype(bool) for mask in masks)  # type: ignore[attr-defined]


def _joined(parts: list[Pieces]) -> Pieces:
    crops = [part.crops for part in parts]
    return Pieces(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.tiles for part in parts]),
        None if None in crops else [crop for one in crops for crop in one or []],
    )
