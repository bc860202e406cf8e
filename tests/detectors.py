"""Tiny detectors and batches for the tests: 16 channels, quarter-width ResNet-18, 64 px."""

from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData

import ocrnet_mmdet  # noqa: F401
from ocrnet_mmdet.pretraining.views import ViewMap

ROOT = Path(__file__).resolve().parents[1]
GN = dict(type='GN', num_groups=4, requires_grad=True)
CLASSES = 3


def encoder() -> dict:
    return dict(type='OCRNetEncoder', arch='resnet18', width=0.25, norm_cfg=GN)


def neck(**kwargs) -> dict:
    return dict(
        type='OCRNetRegionGenerator',
        in_channels=[16, 32, 64, 128],
        out_channels=16,
        norm_cfg=GN,
        **kwargs,
    )


def region_head(**kwargs) -> dict:
    return dict(type='OCRNetRegionHead', in_channels=16, feat_channels=16, norm_cfg=GN, **kwargs)


def ocrnet_config() -> ConfigDict:
    """The model of configs/_base_/ocrnet_tiny.py, narrower."""
    model = Config.fromfile(ROOT / 'configs/_base_/ocrnet_tiny.py').model
    model.backbone, model.neck, model.rpn_head = encoder(), neck(), region_head()
    return shrink(model)


def shrink(model: ConfigDict) -> ConfigDict:
    """16 channels in the RoI head, ``CLASSES`` classes, few regions."""
    head = model.roi_head
    head.bbox_roi_extractor.out_channels = 16
    head.bbox_head.update(in_channels=16, fc_out_channels=32, num_classes=CLASSES)
    if head.get('mask_roi_extractor'):
        head.mask_roi_extractor.out_channels = 16
    if head.get('mask_head'):
        head.mask_head.update(in_channels=16, conv_out_channels=16, num_classes=CLASSES)
    model.train_cfg.rcnn.sampler.num = 16
    return model


def tiny(config: ConfigDict) -> torch.nn.Module:
    """A detector with fresh weights, in training mode."""
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.init_weights()
    return model.train()


def data_batch(
    model: torch.nn.Module, training: bool = True, with_mask: bool = True, **kwargs
) -> dict:
    """Two random pictures, 64 x 64 and 64 x 48 px, with boxes and masks, preprocessed."""
    inputs = demo_mm_inputs(
        2, [[3, 64, 64], [3, 64, 48]], num_classes=CLASSES, with_mask=with_mask, **kwargs
    )
    return model.data_preprocessor(inputs, training)


def view_sample(count: int, seed: int, side: int = 64) -> DetDataSample:
    """A view of ``side`` px with ``count`` random regions, ids from 0; smaller segments."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(count, 4, generator=generator) * 30
    boxes[:, 2:] += boxes[:, :2] + 8
    masks = torch.zeros(count, side, side, dtype=torch.uint8)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.int().tolist()):
        mask[y0 : y1 - 3, x0 : x1 - 3] = 1
    found = DetDataSample(
        metainfo=dict(
            img_shape=(side, side),
            ori_shape=(side, side),
            batch_input_shape=(side, side),
            scale_factor=(1.0, 1.0),
            view=ViewMap(np.ones(2), np.zeros(2)),
            segment_count=4,
        )
    )
    found.gt_instances = InstanceData(
        bboxes=boxes, labels=torch.zeros(count).long(), ids=torch.arange(count)
    )
    found.segments = InstanceData(
        bboxes=boxes[:4], masks=BitmapMasks(masks[:4].numpy(), side, side)
    )
    return found


def view_batch(model: torch.nn.Module, counts=((6, 5), (4, 7)), side: int = 64) -> dict:
    """Two views each of as many pictures as ``counts`` has, through a pretrainer's preprocessor.

    Each entry: regions in the picture's first and second view.
    """
    generator = torch.Generator().manual_seed(1)
    data = dict(
        inputs=[
            [
                torch.randint(0, 255, (3, side, side), dtype=torch.uint8, generator=generator)
                for _ in counts
            ]
            for _ in range(2)
        ],
        data_samples=[
            [view_sample(pair[view], 2 * i + view, side) for i, pair in enumerate(counts)]
            for view in range(2)
        ],
    )
    return model.data_preprocessor(data, True)
