"""A whole call of tools/predict.py: inputs -> records, drawings, files of other formats."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from ..engine.visualization_hook import WRITTEN
from ..errors import InputError, printable
from ..whole_file import remove_parts, whole_file
from .drawing import draw
from .formats import FORMATS, Results
from .found import Found
from .predictor import FACTOR, Predictor
from .progress import Progress
from .records import Records, stamp_of
from .sources import Input, Picture, count_pictures, list_inputs, outside, pictures_of

SHOWN = 5  # pictures that cannot be read, on the terminal
FAILED = 'failed.txt'


def predict(
    predictor: Predictor,
    named: Iterable[str],
    out: Path,
    formats: Sequence[str] = (),
    drawings: bool = True,
) -> int:
    """Predict inputs into a folder; what is there already stays.

    Args:
        named: Inputs, as :func:`.sources.list_inputs` takes them.
        formats: Names in :data:`.formats.FORMATS`.
        drawings: Whether pictures are drawn.

    Returns:
        How many pictures could not be read.

    Raises:
        InputError: See :func:`.sources.list_inputs` and :class:`.records.Records`.
        OSError: A result cannot be written.
    """
    root, inputs, note = list_inputs(named)
    inputs = outside(inputs, out)  # where earlier drawings may lie
    for line in filter(None, [note, _about_tiles(predictor)]):
        print(line, file=sys.stderr)
    with closing(Records(out, predictor.settings(root))) as records:
        call = Call(predictor, records, out, drawings)
        call.run(inputs)
        results = call.results()
        for name in formats:
            FORMATS[name](results)
        return _report(call, results)


def _about_tiles(predictor: Predictor) -> str:
    if predictor.tile is not None:
        return ''
    return (
        'large pictures are not cut into tiles: nothing says how large those were that the '
        'checkpoint was trained on (--tile PIXELS does)'
    )


class Call:
    """Predicts what is not on disk yet.

    Args:
        predictor: The detector.
        records: Of ``out``.
        out: Folder for all results.
        drawings: Whether pictures are drawn.

    Attributes:
        paths: By the pictures' names, in their order.
        new: Pictures that were predicted now.
    """

    def __init__(self, predictor: Predictor, records: Records, out: Path, drawings: bool) -> None:
        self.predictor, self.records, self.out, self.drawings = predictor, records, out, drawings
        self.paths: dict[str, str] = {}
        self.new = 0
        self._told = False  # of tiles

    def run(self, inputs: list[Input]) -> None:
        """Predict, a batch after another.

        Batches are counted over all pictures: after a kill each holds what it would have held.

        Raises:
            OSError: A result cannot be written.
        """
        self.named = {one.name for one in inputs}
        self.progress = Progress(count_pictures(inputs))
        pictures = pictures_of(inputs, lambda frame: not self._is_done(frame))
        while chunk := list(islice(pictures, self.predictor.batch)):
            self.paths |= {picture.name: picture.path for picture in chunk}
            waiting = [picture for picture in chunk if not self._is_done(picture)]
            if waiting:
                self.new += self._predict(waiting)
            self.progress.add(len(waiting), len(chunk) - len(waiting))

    def results(self) -> Results:
        """The pictures that could be read."""
        names = [name for name in self.paths if 'error' not in self.records[name]]
        return Results(
            self.out,
            self.predictor.classes,
            names,
            [self.paths[name] for name in names],
            lambda name: Found.of_record(self.records[name], self.predictor.classes),
        )

    def failed(self) -> list[str]:
        """A line about each picture that could not be read."""
        return [self.records[name]['error'] for name in self.paths if 'error' in self.records[name]]

    def _is_done(self, picture: Picture) -> bool:
        return self.records.has(picture.name, stamp_of(picture.path)) and (
            not self.drawings or self._drawing(picture.name).exists()
        )

    def _drawing(self, name: str) -> Path:
        if not name.lower().endswith(WRITTEN):
            name += '.png' if f'{name}.png' not in self.named else '.drawn.png'
        return self.out / 'drawn' / name

    def _predict(self, waiting: list[Picture]) -> int:
        """How many of them could be predicted."""
        records, read = [], []
        for picture in waiting:
            try:
                read.append((picture, stamp_of(picture.path), picture.read()))
            except InputError as error:
                records.append(dict(name=picture.name, error=str(error)))
        for picture, _, image in read:
            self._tell_of_tiles(picture.name, image)
        found = self.predictor.detect([p.name for p, *_ in read], [image for *_, image in read])
        for (picture, stamp, image), one in zip(read, found):
            if isinstance(one, InputError):
                records.append(dict(name=picture.name, error=str(one)))
                continue
            if self.drawings:
                self._draw(image, one)
            records.append(one.record() | dict(stamp=stamp))
        self.records.add(records)
        return sum('error' not in record for record in records)

    def _tell_of_tiles(self, name: str, image: np.ndarray) -> None:
        height, width = image.shape[:2]
        count, side = len(self.predictor.tiles_of(height, width)), self.predictor.tile
        if count == 1 or self._told or side is None:
            return
        self._told = True
        self.progress.say(
            f'{printable(name)}, {width} x {height} px, is cut into {count} tiles of {side} px, as '
            f'all are that are larger than {FACTOR * side:.0f} px (--tile 0 cuts none)'
        )

    def _draw(self, image: np.ndarray, found: Found) -> None:
        path = self._drawing(found.name)
        drawn = draw(image, found, len(self.predictor.classes))
        _, content = cv2.imencode(path.suffix, drawn)
        with whole_file(path) as part:
            part.write_bytes(content.tobytes())
        remove_parts(path.parent, age=3600)  # of a call that was killed


def write_failed(out: Path, lines: Sequence[str]) -> None:
    """Write ``failed.txt``; where nothing failed, take away an earlier call's."""
    if not lines:
        (out / FAILED).unlink(missing_ok=True)
        return
    with whole_file(out / FAILED) as part:
        part.write_text(''.join(f'{printable(line)}\n' for line in lines), encoding='utf-8')


def _report(call: Call, results: Results) -> int:
    """Say what was done and what failed; how many failed."""
    failed, before = call.failed(), len(results.names) - call.new
    write_failed(call.out, failed)
    objects = sum(map(len, results))
    call.progress.say(
        f'{len(results.names)} pictures, {objects} objects in {call.out}; {call.new} predicted now'
        + f', {call.progress.rate():.2g} a second' * bool(call.new)
        + f', {before} before' * bool(before)
    )
    for line in failed[:SHOWN]:
        print(printable(line), file=sys.stderr)
    if failed:
        print(
            f'{len(failed)} pictures could not be read: all are named in {call.out / FAILED}; '
            'the same command tries them again',
            file=sys.stderr,
        )
    return len(failed)
