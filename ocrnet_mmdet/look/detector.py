"""A trained two-stage detector, and one picture as it goes through it.

Shape shorthand: N regions of the picture, D detections, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.structures.bbox import bbox2roi, get_box_tensor
from mmengine.device import get_device
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..datasets.load_image import read_picture
from ..errors import InputError
from ..picture_pipeline import picture_pipeline
from ..pretraining.slots import box_forward, captured_input
from ..trained_detector import checkpoint_file, read_detector


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


def load_detector(path: str, classifies: bool = True) -> nn.Module:
    """The detector of a checkpoint that carries its config, or of a training's work folder.

    Its config is at ``cfg``, its class names are at ``dataset_meta``, where mmdet has them.

    Args:
        classifies: Whether it must have a classifier, which a pretraining does not leave.

    Raises:
        InputError: There is none, or the weights do not fit the config, or it is no two-stage
            detector.
    """
    trained = read_detector(checkpoint_file(path))
    if classifies:
        trained.need_classifier()
    missing = [part for part in ('rpn_head', 'roi_head') if not trained.model_cfg.get(part)]
    if missing:
        raise InputError(
            f'{trained.file} is a {trained.model_cfg.type} without {" and ".join(missing)}: name a '
            'checkpoint of a two-stage detector'
        )
    model = trained.build().to(get_device())
    model.cfg, model.dataset_meta = trained.cfg, dict(classes=trained.classes)
    return model


@torch.no_grad()
def see(model: nn.Module, path: str) -> Seen:
    """Take one picture through a detector, as its test pipeline prepares it.

    Raises:
        InputError: The picture cannot be read.
    """
    image = read_picture(path)
    data = Compose(picture_pipeline(model.cfg))(dict(img=image, img_path=path, img_id=0))
    batch = model.data_preprocessor(
        dict(inputs=[data['inputs']], data_samples=[data['data_samples']]), False
    )
    samples = batch['data_samples']
    levels = model.extract_feat(batch['inputs'])
    (proposals,) = model.rpn_head.predict(levels, samples, rescale=False)
    proposals.bboxes = get_box_tensor(proposals.bboxes)
    (found,) = model.roi_head.predict(levels, [proposals], samples, rescale=True)
    return Seen(path, image, levels, samples[0].metainfo, proposals, found)


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
