"""Data sets without the wrappers that draw a picture several times, or join several sets."""

from __future__ import annotations

from typing import Any

from mmdet.datasets import MultiImageMixDataset
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset


def underneath(dataset: Any) -> list[Any]:
    """The innermost data sets: their lengths together are the pictures that there are."""
    if isinstance(dataset, ConcatDataset):
        return [one for part in dataset.datasets for one in underneath(part)]
    if isinstance(dataset, (RepeatDataset, ClassBalancedDataset, MultiImageMixDataset)):
        return underneath(dataset.dataset)
    return [dataset]


def picture_count(dataset: Any) -> int:
    """Each picture once, however often it is drawn."""
    return sum(map(len, underneath(dataset)))
