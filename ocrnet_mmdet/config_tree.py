"""Walks over configs: their data sets, the parts that count classes, all settings with paths."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.config import ConfigDict

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Parts whose num_classes is no count of the data set's: 1, ImageNet's, COCO stuff's.
OTHER_CLASSES = ('rpn_head', 'backbone', 'semantic_head')


def as_list(value: object) -> list:
    """What a config has in one place, where one or several may stand, or none."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def datasets_of(node: ConfigDict | None) -> Iterator[ConfigDict]:
    """The innermost dataset configs of a dataloader or of nested dataset wrappers."""
    if node is None:
        return
    inner = as_list(node.get('dataset')) + as_list(node.get('datasets'))
    if not inner:
        yield node
    for child in inner:
        yield from datasets_of(child)


def class_counts(node: ConfigDict, key: str = 'model') -> Iterator[tuple[str, ConfigDict]]:
    """Every part of a model config whose ``num_classes`` counts the objects' classes, with its
    path.
    """
    if 'num_classes' in node:
        yield key, node
    for name, child in node.items():
        if name in OTHER_CLASSES:
            continue
        places = (
            [f'{key}.{name}.{i}' for i in range(len(child))]
            if isinstance(child, (list, tuple))
            else [f'{key}.{name}']
        )
        for place, part in zip(places, as_list(child)):
            if isinstance(part, dict):
                yield from class_counts(part, place)


def settings(node: object, path: str = '') -> Iterator[tuple[str, object, object]]:
    """Path, name and value of everything in a config, dicts and lists and what is in them too.

    In a list the name is the place, a number.
    """
    for name, value in _children(node):
        here = f'{path}.{name}'.lstrip('.')
        yield here, name, value
        yield from settings(value, here)


def _children(node: object) -> list[tuple]:
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []
