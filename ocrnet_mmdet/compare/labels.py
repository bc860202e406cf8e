"""The COCO files that the runs are trained and scored on."""

from __future__ import annotations

from pathlib import Path

from ..datasets.coco_file import write_json
from ..errors import InputError, shown
from .plan import Plan
from .runs import Run
from .source import Source
from .subsets import same_content, split_images

HELD_OUT = 0.2  # share of the training pictures by which rates and lengths are chosen
HELD_OUT_SEED = 99


def check_val(source: Source) -> list[str]:
    """Pictures of the stage that are no val picture under another name.

    Raises:
        InputError: A training picture is a val picture, by its content.
    """
    scored = [image['file_name'] for image in source.val['images']]
    trained = [image['file_name'] for image in source.train['images']]
    if twins := same_content(source.pictures, trained, scored):
        raise InputError(
            f'{source.train_file}: {len(twins)} training pictures are val pictures by '
            f'their content, such as '
            f'{shown(twins[0])}: take them out of one of the two files'
        )
    if source.pretrain is None:
        return []
    names = source.pictures_without_labels()
    same = set(same_content(source.pictures, names, scored))
    return [name for name in names if name not in same]


class LabelFiles:
    """The parts that a plan's runs are trained and scored on, written below ``folder``.

    Raises:
        InputError: A part has no object.
    """

    def __init__(self, source: Source, plan: Plan, folder: Path) -> None:
        self.source, self.folder = source, folder
        count = max(1, round(HELD_OUT * len(source.train['images'])))
        if len(source.train['images']) < 2:
            raise InputError(
                f'{source.train_file} has one picture, of which none can be held out: label more'
            )
        self.held_out, self.rest = split_images(source.train, count, HELD_OUT_SEED)
        if not _has_object(self.held_out):
            raise InputError(
                f'{source.train_file}: the {count} pictures that are held out to choose rates and '
                'lengths by have no object: label more'
            )
        for seed in plan.seeds:
            for labels in plan.labels:
                _part(source.train, labels, seed)
        for labels in plan.labels:
            _part(self.rest, labels, plan.seeds[0])

    def of(self, run: Run) -> tuple[Path | None, Path]:
        """What a run is trained on, None for the stage without labels, and scored on."""
        if run.trains_without_labels:
            return None, self.source.val_file
        if run.kind == 'fine-tuning':
            return self._drawn(run, self.source.train, ''), self.source.val_file
        return self._drawn(run, self.rest, 'of_rest_'), self._written(
            'held_out.json', self.held_out
        )

    def _drawn(self, run: Run, data: dict, where: str) -> Path:
        assert run.labels is not None
        part = _part(data, run.labels, run.seed)
        return self._written(f'{where}{len(part["images"])}_seed{run.seed}.json', part)

    def _written(self, name: str, part: dict) -> Path:
        write_json(part, str(self.folder / name))
        return self.folder / name


def _part(data: dict, labels: int, seed: int) -> dict:
    count = min(labels, len(data['images']))
    part = split_images(data, count, seed)[0]
    if not _has_object(part):
        raise InputError(
            f'the {count} labelled pictures of seed {seed} have no object: take more, or another '
            'seed'
        )
    return part


def _has_object(data: dict) -> bool:
    return any(not a.get('iscrowd') for a in data['annotations'])


def described(plan: Plan, source: Source) -> str:
    """The data in a line."""
    return (
        f'{len(source.train["images"])} training pictures, {len(source.val["images"])} to score on'
        '; labels: '
        f'{", ".join(map(str, plan.labels))}'
    )
