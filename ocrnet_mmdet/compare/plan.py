"""What is compared: arms, numbers of labelled pictures, seeds, lengths, learning rates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

# Name of a start: whether its encoder begins with ImageNet weights, whether the stage without
# labels comes first.
STARTS = {
    'random': (False, False),
    'imagenet': (True, False),
    'stage': (False, True),
    'stage_imagenet': (True, True),
}
SEEDS = (0, 1, 2)
PRETRAININGS = 2  # of one the spread over seeds would say nothing of the stage's own
RATES = (0.3, 1.0, 3.0)  # times the config's own
LENGTHS = (0.3, 1.0)
UNITS = dict(s=1, min=60, h=3600, d=86400)


@dataclass(frozen=True)
class Arm:
    """A detector from a start.

    Attributes:
        start: A name in ``STARTS``.
        config: The detector's, a file or ``mmdet::...``; empty takes the folder's own.
    """

    start: str
    config: str = ''

    @property
    def imagenet(self) -> bool:
        return STARTS[self.start][0]

    @property
    def stage(self) -> bool:
        return STARTS[self.start][1]


@dataclass(frozen=True)
class Outside:
    """Another detector's COCO results on the val pictures.

    Attributes:
        labels, seconds: Labelled pictures and time that its user states; None: unknown.
    """

    file: Path
    labels: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        folder: That tools/start.py wrote.
        arms: By name; the first is what the others are compared with.
        labels: Numbers of labelled pictures, the most important first.
        seeds: Of the labelled pictures and of the training, the most important first.
        pretrainings: Runs of the stage an arm; fine-tunings take them in turn.
        steps, rates: From which every arm's own are chosen.
        results: Outside rows.
    """

    folder: Path
    arms: dict[str, Arm]
    labels: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    rates: tuple[float, ...]
    pretrainings: int = PRETRAININGS
    results: dict[str, Outside] = field(default_factory=dict)

    def smaller(self) -> Plan | None:
        """Without what matters least: the last seed, then the last number of labels.

        None where nothing is left to drop.
        """
        if len(self.seeds) > 1:
            return replace(self, seeds=self.seeds[:-1])
        return replace(self, labels=self.labels[:-1]) if len(self.labels) > 1 else None


@dataclass(frozen=True)
class Folder:
    """What a plan has to know of the folder: its config's numbers and its labelled pictures."""

    path: Path
    pictures: int
    lr: float
    max_iters: int
    imagenet: bool
    with_stage: bool

    def share(self, percent: float) -> int:
        """So many percent of the labelled pictures, rounded down."""
        return int(self.pictures * percent / 100)


def default_plan(folder: Folder) -> Plan:
    """The commonest question: which start, at all labels and at a quarter."""
    starts = [
        name
        for name, (imagenet, stage) in STARTS.items()
        if imagenet <= folder.imagenet and stage <= folder.with_stage
    ]
    starts.sort(key=lambda name: name != 'imagenet')
    return Plan(
        folder.path,
        {name: Arm(name) for name in starts},
        _distinct(folder.pictures, max(1, folder.share(25))),
        SEEDS,
        _distinct(*(max(1, round(folder.max_iters * share)) for share in LENGTHS)),
        tuple(float(f'{folder.lr * factor:.3g}') for factor in RATES),
    )


def _distinct(*values: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(values))


def seconds_of(text: str) -> float:
    """Of ``90s``, ``20min``, ``2h``.

    Raises:
        ValueError: It is no such time above 0.
    """
    match = re.fullmatch(r'(\d+(?:\.\d+)?) ?(s|min|h|d)', text.strip())
    if not match or not float(match[1]):
        raise ValueError(f'{text!r} is no time: give 90s, 20min or 2h')
    return float(match[1]) * UNITS[match[2]]
