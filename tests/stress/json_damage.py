"""Damage of a JSON tree at random places."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np


def _nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


ODD = [
    None,
    True,
    False,
    0,
    1,
    2,
    -1,
    0.5,
    1e-9,
    1e9,
    1e12,
    -1e9,
    1e308,
    2**31,
    2**53 + 2,
    2**63,
    2**64,
    10**400,
    float('nan'),
    float('inf'),
    -float('inf'),
    '',
    '0',
    '1',
    'car',
    'text',
    'a\0',
    '\ud800',
    '\x1b[31m\nx',
    'x' * 3000,
    [],
    {},
    [[]],
    [1],
    [0, 0, 0, 0],
    [1, 2, 3, 4, 5, 6],
    [[1, 2, 3, 4]],
    [[5, 5, 20, 5, 20, 20]],
    [[1e9, 0, 5, 5, 0, 9]],
    [[float('nan')] * 6],
    [['1'] * 6],
    dict(size=[40, 60], counts=[0, 5, 2395]),
    dict(counts='0' * 500),
    dict(a=1),
    _nested(60),
]


def _places(node: object) -> Iterator[tuple[dict | list, str | int]]:
    """Every place in a JSON tree, as what holds it and its key."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        yield node, key
        if isinstance(child, (dict, list)):
            yield from _places(child)


def _changed(rng: np.random.Generator, value: object) -> object:
    """A value near another."""
    if isinstance(value, bool) or value is None:
        return rng.integers(0, 3).item()
    if isinstance(value, (int, float)):
        kind = rng.integers(0, 7)
        try:
            return [
                -value,
                value * 10,
                value * 1e6,
                value + 0.5,
                str(value),
                float(value),
                value + 1,
            ][kind]
        except OverflowError:
            return 0
    if isinstance(value, str) and value:
        place = rng.integers(0, len(value))
        letter = chr(rng.choice([48, 49, 79, 80, 111, 112, 32, 0, 233, rng.integers(48, 112)]))
        return [
            value[:place] + letter + value[place + 1 :],
            value[:place],
            value * 2,
            value.upper(),
            value[:place] + letter * 50,
        ][rng.integers(0, 5)]
    if isinstance(value, list) and value:
        place = rng.integers(0, len(value))
        return [
            value[:place],
            value[::-1],
            value * 2,
            value + [copy.deepcopy(value[place])],
            [value],
            value * 50,
            value[place:],
            value[:place] + [0] + value[place:],
        ][rng.integers(0, 8)]
    return value if not isinstance(value, dict) else {key: value[key] for key in reversed(value)}


def damage(rng: np.random.Generator, data: dict) -> None:
    """Change one place of a JSON tree, most often in an object's entry."""
    places = list(_places(data))
    node, key = places[rng.integers(0, len(places))]
    kind = rng.integers(0, 10)
    if kind < 4:
        node[key] = copy.deepcopy(ODD[rng.integers(0, len(ODD))])
    elif kind < 7:
        node[key] = _changed(rng, node[key])
    elif kind == 7:
        del node[key]
    elif kind == 8:
        other, place = places[rng.integers(0, len(places))]
        node[key] = copy.deepcopy(other[place])
    elif isinstance(node, list):
        node.insert(rng.integers(0, len(node) + 1), copy.deepcopy(node[key]))
    else:
        node[
            rng.choice(
                ['ignore', 'id', 'iscrowd', 'bbox', 'segmentation', 'name', 'score', 'caption']
            )
        ] = 1
