"""Labelled pictures for classification: the article's ``OCRLabel('train' | 'val' | 'test')``."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Sequence

from mmdet.registry import DATASETS, TRANSFORMS
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from ..errors import InputError, printable
from .label_pipeline import label_pipeline
from .listing import list_pictures, say_left_out

SPLITS = ('train', 'val', 'test')


@DATASETS.register_module()
class OCRNetLabelDataset(BaseDataset):
    """Pictures with one class each, or the boxes of a COCO JSON, each cut out and with its class.

    Without ``ann_file`` the folders tell the class, at any depth below::

        data_root/train/cat/001.jpg    data_root/val/cat/...    data_root/test/cat/...
        data_root/train/dog/...

    With it every box is a sample, but crowds and boxes below one pixel. A sample's keys before the
    pipeline are ``img_path``, ``gt_label`` and, of a box, ``box`` (xyxy, pixels).

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``: the folder, and which of the pipelines.
        data_root: The folder of the splits, or what ``ann_file`` is relative to.
        ann_file: COCO JSON of this split.
        data_prefix: ``img``: where below ``data_root`` the pictures of ``ann_file`` lie.
        metainfo: ``classes``: names in the order of the labels; others are left out. Without it,
            all folders of all splits in the order of their names, or the JSON's categories.
        pipeline: Transforms; None: :func:`label_pipeline`.

    Raises:
        InputError: If split, folder or file is absent, a class is, or there is no sample.
    """

    def __init__(
        self,
        split: str,
        data_root: str,
        ann_file: str = '',
        data_prefix: dict = dict(img=''),
        metainfo: dict | None = None,
        pipeline: Sequence[dict] | None = None,
    ) -> None:
        if split not in SPLITS:
            raise InputError(f'split is {split!r}, expected one of {", ".join(SPLITS)}')
        self.split = split
        if pipeline is None:
            pipeline = label_pipeline(training=split == 'train')
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=dict(data_prefix),
            metainfo=metainfo,
            pipeline=[TRANSFORMS.build(step) for step in pipeline],
            test_mode=split != 'train',
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self._metainfo['classes'])

    def load_data_list(self) -> list[dict]:
        samples = self._boxes() if self.ann_file else self._folders()
        if not samples:
            where = self.ann_file or os.path.join(self.data_root, self.split)
            raise InputError(
                f'{where}: not a sample of the classes {", ".join(self.class_names)}: '
                'correct data_root or classes'
            )
        return samples

    def _folders(self) -> list[dict]:
        folders = {split: os.path.join(self.data_root, split) for split in SPLITS}
        if not os.path.isdir(folders[self.split]):
            raise InputError(
                f'there is no folder {folders[self.split]}: data_root needs a folder '
                'for each split, with a folder for each class in it'
            )
        there = {
            entry.name
            for folder in folders.values()
            if os.path.isdir(folder)
            for entry in os.scandir(folder)
            if entry.is_dir() and entry.name[0] != '.'
        }
        self._set_classes(sorted(there), self.data_root)
        samples: list[dict] = []
        left_out: Counter[bytes] = Counter()
        for label, name in enumerate(self.class_names):
            folder = os.path.join(folders[self.split], name)
            if os.path.isdir(folder):  # a split may lack a class
                samples += [
                    dict(img_path=os.path.join(folder, os.fsdecode(file)), gt_label=label)
                    for file in list_pictures(folder, left_out)
                ]
        if left_out:
            print_log(
                f'{printable(folders[self.split])}: {len(samples)} pictures; '
                f'{say_left_out(left_out)}',
                logger='current',
                level=logging.WARNING,
            )
        return samples

    def _boxes(self) -> list[dict]:
        try:
            with open(self.ann_file) as file:
                content = json.load(file)
            images = {image['id']: image for image in content['images']}
            categories = sorted(content['categories'], key=lambda category: category['id'])
            names = {category['id']: category['name'] for category in categories}
            self._set_classes(list(names.values()), self.ann_file)
            return [
                self._box(images[a['image_id']], a, names[a['category_id']])
                for a in content['annotations']
                if not a.get('iscrowd')
                and names[a['category_id']] in self.class_names
                and min(a['bbox'][2:]) >= 1
            ]
        except OSError as error:
            raise InputError(
                f'annotation file {self.ann_file} cannot be read: {error.strerror}: '
                'correct ann_file'
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f'{self.ann_file} is no COCO JSON of boxes ({error!r}): mend the file'
            ) from error

    def _box(self, image: dict, annotation: dict, name: str) -> dict:
        x, y, w, h = annotation['bbox']
        return dict(
            img_path=os.path.join(self.data_prefix['img'], image['file_name']),
            height=image.get('height'),
            width=image.get('width'),
            box=[x, y, x + w, y + h],
            gt_label=self.class_names.index(name),
        )

    def _set_classes(self, there: list[str], where: str) -> None:
        """Take the classes that are there, or hold those that were named against them."""
        named = self._metainfo.setdefault('classes', there)
        missing = [name for name in named if name not in there]
        if missing or not named:
            raise InputError(
                f'{where} has the classes {", ".join(there) or "(none)"}, '
                f'not {", ".join(map(str, missing)) or "any"}: set classes = {tuple(there)!r}'
            )
