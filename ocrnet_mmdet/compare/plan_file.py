"""A plan's file, in YAML: what is not allowed is refused with its line and what is."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from ..errors import InputError, shown
from .plan import STARTS, Arm, Folder, Outside, Plan, default_plan

PERCENT = re.compile(r'(\d+(?:\.\d+)?) ?%')
KEYS = ('data', 'arms', 'labels', 'seeds', 'steps', 'rates', 'pretrainings', 'results')


class _Node:
    """A value of the plan's file, which refuses what is not allowed with its line."""

    def __init__(self, file: Path, node: yaml.Node, name: str) -> None:
        self.file, self.node, self.name = file, node, name

    def refuse(self, allowed: str) -> InputError:
        given = shown(
            self.file.read_text()[self.node.start_mark.index : self.node.end_mark.index].strip(), 60
        )
        return InputError(
            f'{self.file}, line {self.node.start_mark.line + 1}: {self.name} is {given}: {allowed}'
        )

    def mapping(
        self, allowed: Sequence[str] | None, needed: Sequence[str] = ()
    ) -> dict[str, _Node]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.refuse(
                'give "name: value" lines' + (f' of {", ".join(allowed)}' if allowed else '')
            )
        found: dict[str, _Node] = {}
        for key, value in self.node.value:
            place = _Node(self.file, key, 'a key')
            if not isinstance(key, yaml.ScalarNode):
                raise place.refuse('give a name')
            if allowed and key.value not in allowed:
                raise place.refuse(f'take one of {", ".join(allowed)}')
            if key.value in found:
                raise place.refuse('it stands there twice, keep one')
            found[str(key.value)] = _Node(self.file, value, str(key.value))
        if missing := [name for name in needed if name not in found]:
            raise self.refuse(f'add {", ".join(missing)}')
        return found

    def items(self) -> list[_Node]:
        nodes = self.node.value if isinstance(self.node, yaml.SequenceNode) else [self.node]
        if not nodes:
            raise self.refuse('give one value at least')
        return [_Node(self.file, node, self.name) for node in nodes]

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value:
            raise self.refuse('give text')
        return self.node.value

    def number(
        self, kind: Callable[[str], float], low: float, what: str, high: float = math.inf
    ) -> float:
        try:
            value = kind(self.text())
            if not low <= value < high:
                raise ValueError
            return value
        except ValueError as error:
            raise self.refuse(f'give {what}') from error

    def path(self) -> Path:
        """Relative to the plan's file."""
        return self.file.parent / self.text()


def data_of(file: Path) -> Path:
    """The folder that a plan is about.

    Raises:
        InputError: The file is no YAML, or names no such folder.
    """
    place = _top(file)['data']
    if not (place.path() / 'finetune.py').is_file():
        raise place.refuse('name the folder that tools/start.py wrote with --labels')
    return place.path().resolve()


def read_plan(file: Path, folder: Folder) -> Plan:
    """A plan's file; what it does not say is the default plan's.

    Raises:
        InputError: A value is not allowed: says the line and what is.
    """
    top, plan = _top(file), default_plan(folder)
    changes: dict = {}
    if 'arms' in top:
        changes['arms'] = {
            name: _arm(place, folder) for name, place in top['arms'].mapping(None).items()
        }
        if not changes['arms']:
            raise top['arms'].refuse('name one arm at least')
    if 'labels' in top:
        changes['labels'] = tuple(_labels(place, folder) for place in top['labels'].items())
    if 'seeds' in top:
        changes['seeds'] = tuple(
            int(p.number(int, 0, 'whole numbers from 0 to 4294967295', 2**32))
            for p in top['seeds'].items()
        )
    if 'steps' in top:
        changes['steps'] = tuple(
            int(p.number(int, 1, 'whole numbers from 1')) for p in top['steps'].items()
        )
    if 'rates' in top:
        changes['rates'] = tuple(
            p.number(float, 1e-12, 'numbers above 0, such as 1e-3') for p in top['rates'].items()
        )
    for name, values in changes.items():
        if len(set(values)) < len(values):
            raise top[name].refuse('a value stands there twice, keep one')
    if 'pretrainings' in top:
        changes['pretrainings'] = int(top['pretrainings'].number(int, 1, 'a whole number from 1'))
    if 'results' in top:
        changes['results'] = {
            name: _outside(place) for name, place in top['results'].mapping(None).items()
        }
        if both := changes['results'].keys() & changes.get('arms', plan.arms).keys():
            raise top['results'].refuse(f'{min(both)} is an arm too, name it otherwise')
    return replace(plan, **changes)


def _top(file: Path) -> dict[str, _Node]:
    try:
        node = yaml.compose(file.read_text(encoding='utf-8'), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, 'problem_mark', None)
        line = f', line {mark.line + 1}' if mark else ''
        raise InputError(
            f'{file}{line}: is no YAML ({shown(str(getattr(error, "problem", error)))}): '
            f'give "name: value" lines of {", ".join(KEYS)}'
        ) from error
    if node is None:
        raise InputError(f'{file} is empty: give "name: value" lines of {", ".join(KEYS)}')
    return _Node(file, node, 'the plan').mapping(KEYS, needed=['data'])


def _arm(place: _Node, folder: Folder) -> Arm:
    if not re.fullmatch(r'[\w.+-]+', place.name):
        raise place.refuse(
            f"its name {shown(place.name)} becomes a folder's: take letters, digits and _ . + -"
        )
    if isinstance(place.node, yaml.ScalarNode):
        start, config = place, None
    else:
        given = place.mapping(('start', 'config'), needed=['start'])
        start, config = given['start'], given.get('config')
    if start.text() not in STARTS:
        raise start.refuse(f'take one of {", ".join(STARTS)}')
    arm = Arm(start.text(), _config(config) if config else '')
    if arm.imagenet and not config and not folder.imagenet:
        raise start.refuse("the folder's net has no ImageNet weights: take one of random, stage")
    if arm.stage and not folder.with_stage:
        raise start.refuse('the folder has no pretrain.py: take one of random, imagenet')
    return arm


def _config(place: _Node) -> str:
    if '::' in place.text():
        return place.text()
    if not place.path().is_file():
        raise place.refuse(
            "there is no such file, seen from the plan's folder: "
            'name a config file, or mmdet::FOLDER/NAME.py'
        )
    return str(place.path().resolve())


def _labels(place: _Node, folder: Folder) -> int:
    text, pictures = place.text(), folder.pictures
    percent = PERCENT.fullmatch(text)
    count = (
        pictures
        if text == 'all'
        else folder.share(float(percent[1]))
        if percent
        else (int(text) if text.isdecimal() else 0)
    )
    if not 1 <= count <= pictures:
        raise place.refuse(f'give pictures from 1 to {pictures}, a share such as 25%, or all')
    return count


def _outside(place: _Node) -> Outside:
    if isinstance(place.node, yaml.ScalarNode):
        given = dict(file=place)
    else:
        given = place.mapping(('file', 'labels', 'seconds'), needed=['file'])
    if not given['file'].path().is_file():
        raise given['file'].refuse(
            "there is no such file, seen from the plan's folder: name COCO results in JSON"
        )
    labels = (
        int(given['labels'].number(int, 1, 'a whole number from 1')) if 'labels' in given else None
    )
    seconds = given['seconds'].number(float, 0, 'seconds') if 'seconds' in given else None
    return Outside(given['file'].path().resolve(), labels, seconds)
