"""Pictures with their true boxes, of a config's val data or of a COCO JSON."""

from __future__ import annotations

import contextlib
import copy
import io
import os
from dataclasses import dataclass

import numpy as np
from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict

from ..config_tree import datasets_of
from ..datasets.clean import check_dataset
from ..errors import InputError


@dataclass
class Labelled:
    """A picture and its M objects.

    Attributes:
        path: Of the picture.
        boxes: (M, 4) float32 xyxy, pixels of the picture.
        labels: (M,) places in the detector's classes.
        crowd: (M,) bool, what no detection is held against.
    """

    path: str
    boxes: np.ndarray
    labels: np.ndarray
    crowd: np.ndarray


def labelled_pictures(
    cfg: Config, classes: tuple[str, ...], labels: str | None, pictures: str | None
) -> list[Labelled]:
    """All pictures of a data set.

    Args:
        cfg: Of the detector; its val data is taken where no file is named.
        classes: Of the detector, by label.
        labels: A COCO JSON.
        pictures: The folder that its names are relative to; None: the val data's.

    Raises:
        InputError: The data set is absent or damaged, or has none of the classes.
    """
    found_data = [copy.deepcopy(data) for data in datasets_of(cfg.get('val_dataloader'))]
    if (labels is None or pictures is None) and len(found_data) != 1:
        raise InputError(
            f'the config has {len(found_data)} val data sets, where one is needed: name labels and '
            'the folder of their pictures'
        )
    data = found_data[0] if found_data else ConfigDict()
    if labels is not None or pictures is not None:
        folder = pictures or _place(data, (data.get('data_prefix') or {}).get('img', ''))
        labels = labels or _place(data, data.ann_file)
        data = dict(type='CocoDataset', ann_file=labels, data_prefix=dict(img=folder))
        check_dataset(labels, folder, classes, 'labels')
    elif data.type.endswith('CocoDataset'):
        folder = _place(data, (data.get('data_prefix') or {}).get('img', ''))
        check_dataset(_place(data, data.ann_file), folder, classes, 'val data of the config')
    data.update(pipeline=[], metainfo=dict(classes=classes), test_mode=True)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
        dataset = DATASETS.build(data)
    found = [_labelled(dataset.get_data_info(i)) for i in range(len(dataset))]
    if not found:
        raise InputError(f'{labels or data.get("ann_file")} lists no picture: name another')
    return found


def _place(data: dict, path: str) -> str:
    return os.path.join(data.get('data_root') or '', path)


def _labelled(info: dict) -> Labelled:
    objects = info['instances']
    return Labelled(
        info['img_path'],
        np.array([o['bbox'] for o in objects], np.float32).reshape(-1, 4),
        np.array([o['bbox_label'] for o in objects], int),
        np.array([o.get('ignore_flag', 0) for o in objects], bool),
    )
