"""A trained two-stage detector, and one picture as it goes through it.

Shape shorthand: N regions of the picture, D detections, K classes.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.apis import init_detector
from mmdet.structures.bbox import bbox2roi, get_box_tensor
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import CheckpointLoader
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..checkpoint_config import plain_config
from ..checkpoint_loader import check_file, shown_tensors, unfilled
from ..config_tree import datasets_of
from ..datasets.load_image import read_picture
from ..engine.resume_check import find_checkpoint
from ..errors import InputError
from ..pretraining.slots import box_forward, captured_input


@dataclass
class Seen:
    """A picture on its way through a detector.

    Attributes:
        path: Of the picture.
        image: (H, W, 3) uint8 BGR.
        levels: The neck's maps.
        meta: The picture's metainfo after resizing.
        proposals: N regions of the region head, in pixels of the network's input.
        found: D detections, in pixels of the picture.
    """

    path: str
    image: np.ndarray
    levels: tuple[Tensor, ...]
    meta: dict
    proposals: InstanceData
    found: InstanceData

    @property
    def rois(self) -> Tensor:
        """(N, 5): zeros and xyxy in pixels of the network's input."""
        return bbox2roi([self.proposals.bboxes])

    @property
    def regions(self) -> np.ndarray:
        """(N, 4) xyxy, pixels of the picture."""
        factor = self.proposals.bboxes.new_tensor(self.meta['scale_factor']).repeat(2)
        return (self.proposals.bboxes / factor).cpu().numpy()


def load_detector(path: str) -> nn.Module:
    """The detector of a checkpoint that carries its config, or of a training's work folder.

    Raises:
        InputError: There is none, or the weights do not fit the config, or it is no two-stage
            detector.
    """
    file = _file(path)
    with _silent():
        content = CheckpointLoader.load_checkpoint(file, map_location='cpu')
    try:
        cfg = Config(plain_config(content.get('meta', {}).get('cfg')))
    except ValueError as error:
        raise InputError(
            f'{file} carries no config that can be read ({error}): name a checkpoint that '
            'tools/train.py wrote, iter_N.pth'
        ) from error
    missing_parts = [part for part in ('rpn_head', 'roi_head') if not cfg.model.get(part)]
    if missing_parts:
        raise InputError(
            f'{file} is a {cfg.model.type} without {" and ".join(missing_parts)}: name a '
            'checkpoint of a two-stage detector (of fine-tuning, where it is of a pretraining)'
        )
    with _silent():
        model = init_detector(cfg, file, palette='random', device=get_device())
    missing = unfilled(model, content.get('state_dict', content))
    if missing:
        raise InputError(
            f'{file} does not fill {shown_tensors(missing)} of the model in its config: name a '
            'checkpoint that a training wrote'
        )
    return model


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without mmengine's lines on what it loads, which are printed and logged."""
    logging.disable(logging.INFO)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _file(path: str) -> str:
    if Path(path).is_dir():
        last = find_checkpoint(path)[0]
        if last is None:
            raise InputError(f'{path} holds no whole checkpoint: name a .pth file')
        path = last
    check_file(path)
    return path


@torch.no_grad()
def see(model: nn.Module, path: str) -> Seen:
    """Take one picture through a detector, as its test pipeline prepares it.

    Raises:
        InputError: The picture cannot be read.
    """
    image = read_picture(path)
    data = Compose(_steps(model.cfg))(dict(img=image, img_path=path, img_id=0))
    batch = model.data_preprocessor(
        dict(inputs=[data['inputs']], data_samples=[data['data_samples']]), False
    )
    samples = batch['data_samples']
    levels = model.extract_feat(batch['inputs'])
    (proposals,) = model.rpn_head.predict(levels, samples, rescale=False)
    proposals.bboxes = get_box_tensor(proposals.bboxes)
    (found,) = model.roi_head.predict(levels, [proposals], samples, rescale=True)
    return Seen(path, image, levels, samples[0].metainfo, proposals, found)


def _steps(cfg: Config) -> list[dict]:
    """The test pipeline for a picture in memory, without labels."""
    load, *others = copy.deepcopy(next(datasets_of(cfg.test_dataloader)).pipeline)
    load = dict(type='mmdet.LoadImageFromNDArray', to_float32=load.get('to_float32', False))
    return [load, *(step for step in others if not step.type.endswith('LoadAnnotations'))]


def classes_of(model: nn.Module) -> tuple[str, ...]:
    """The K names."""
    return tuple(model.dataset_meta['classes'])


@torch.no_grad()
def source_region(model: nn.Module, seen: Seen, detection: int) -> int:
    """Index of the region that a detection was read from.

    The detection's box is one of those that the box branch makes of the N regions, before
    non-maximum suppression: the same one, or of several the one with the highest score.
    """
    _refuse_cascade(model)
    (raw,) = model.roi_head.predict_bbox(
        seen.levels, [seen.meta], [seen.proposals], None, rescale=True
    )
    label = int(seen.found.labels[detection])
    boxes = raw.bboxes.reshape(len(raw.bboxes), -1, 4)  # (N, 1 or K, 4)
    boxes = boxes[:, label if boxes.shape[1] > 1 else 0]
    distance = (boxes - seen.found.bboxes[detection]).abs().amax(1)
    scores = raw.scores[:, label].masked_fill(distance > distance.min(), -1)
    return int(scores.argmax())


@torch.no_grad()
def vectors_of(model: nn.Module, seen: Seen) -> Tensor:
    """(N, C) on the CPU: what the classifier reads of each region."""
    _refuse_cascade(model)
    with captured_input(model.roi_head.bbox_head.fc_cls) as inputs:
        box_forward(model.roi_head, seen.levels, seen.rois, 0.0)
    return inputs[0].flatten(1).cpu()


def _refuse_cascade(model: nn.Module) -> None:
    if isinstance(model.roi_head.bbox_head, nn.ModuleList):
        raise InputError(
            f'{type(model.roi_head).__name__} has {len(model.roi_head.bbox_head)} box heads in a '
            'row, here one is read: name a checkpoint of a detector with one'
        )


def check_detection(seen: Seen, detection: int) -> None:
    """Raise InputError unless a picture has that detection, counted from 0, the best."""
    if not 0 <= detection < len(seen.found):
        have = f'has {len(seen.found)}, 0 is the best' if len(seen.found) else 'has none'
        raise InputError(
            f'--detection is {detection}, {seen.path} {have}: name another of them, or a picture'
        )
