"""A whole call of tools/predict.py --suggest: pictures -> a ranked list, and drafts of labels."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ..errors import InputError, require, shown
from ..predict.formats import FORMATS, Results
from ..predict.found import Found
from ..predict.predictor import Predictor
from ..predict.records import Records
from ..predict.run import FAILED, write_failed
from ..predict.sources import Input, list_inputs, outside
from ..whole_file import write_rows
from .labelled import labelled_names
from .pick import Pick, pick
from .scan import Scan, found_in, scan
from .unsure import LEAST, entropies

LIST = 'suggest.txt'
DRAFTS = ('labelme', 'coco')


def suggest(
    predictor: Predictor,
    named: Iterable[str],
    out: Path,
    count: int,
    score: float,
    labelled: Path | None = None,
    formats: Sequence[str] = DRAFTS,
) -> int:
    """Name the pictures to label next, and write what was found in them as labels to correct.

    Args:
        predictor: With a score of ``LEAST`` at most.
        named: Pictures, as :func:`..predict.sources.list_inputs` takes them, labelled ones among
            them: what is chosen is unlike these.
        out: Folder for ``suggest.txt`` and the drafts.
        count: Of pictures to name.
        score: Least score of a draft's objects.
        labelled: Labels, or a folder of labelled pictures.
        formats: Of the drafts, names in :data:`..predict.formats.FORMATS`.

    Returns:
        How many pictures could not be read.

    Raises:
        InputError: ``out`` has suggestions, a video is named, or something cannot be read.
        OSError: A result cannot be written.
    """
    require('--suggest', count, int, low=1)
    require('--score', score, low=0, high=1)
    if (out / LIST).exists():
        raise InputError(
            f'{shown(str(out), 160)} holds suggestions, and labels that may be corrected by now: '
            'name another --out'
        )
    root, inputs, note = list_inputs(named)
    _refuse_videos(inputs)
    inputs = outside(inputs, out)
    known = labelled_names(labelled, root, [i.name for i in inputs]) if labelled else set()
    for line in filter(None, [note, _about_labelled(labelled, len(known), len(inputs))]):
        print(line, file=sys.stderr)
    # other results than a prediction's, which has no vectors
    with closing(Records(out, predictor.settings(root) | dict(vectors=True))) as records:
        seen = scan(predictor, inputs, records)
        is_known = np.array([name in known for name in seen.names], bool)
        picks = pick(seen.vectors, seen.unsure, is_known, count, seen.prints)
        paths = {one.name: one.path for one in inputs}
        chosen = {seen.names[one.index]: paths[seen.names[one.index]] for one in picks}
        _write_drafts(out, predictor.classes, chosen, records, score, formats)
        rows = [
            (str(i), path, reason_of(one, found, seen.names))
            for i, (one, (name, path)) in enumerate(zip(picks, chosen.items()), 1)
            for found in [found_in(name, records, predictor.classes, LEAST)]
        ]
    write_failed(out, seen.failed)
    write_rows(out / LIST, rows)  # last: with it the call is over
    return _report(out, len(rows), count, seen)


def _write_drafts(
    out: Path,
    classes: tuple[str, ...],
    chosen: Mapping[str, str],
    records: Records,
    score: float,
    formats: Iterable[str],
) -> None:
    """What was found in the chosen pictures, paths by name, as labels to correct."""
    results = Results(
        out,
        classes,
        list(chosen),
        list(chosen.values()),
        lambda name: found_in(name, records, classes, score),
    )
    for name in formats:
        FORMATS[name](results)


def _refuse_videos(inputs: list[Input]) -> None:
    for one in inputs:
        if one.is_video:
            raise InputError(
                f'{shown(one.path, 160)} is a video, labels need picture files: extract its frames '
                'and name their folder'
            )


def _about_labelled(labelled: Path | None, known: int, count: int) -> str:
    if labelled is None:
        return ''
    if not known:
        return (
            f'{labelled} labels none of the {count} pictures: name the folder of the labelled ones '
            'beside the others, so that what is chosen is unlike them'
        )
    return f'{known} of the {count} pictures are labelled'


def reason_of(one: Pick, found: Found, names: list[str]) -> str:
    """Why a picture was chosen: how much of it is doubtful, and what it stands for.

    Args:
        found: In that picture.
        names: Of all pictures.
    """
    reason = 'nothing found'
    if len(found):
        bits = entropies(found.scores)
        most = int(bits.argmax())
        reason = (
            f'about {(found.scores * bits).sum():.1f} of {found.scores.sum():.1f} objects '
            f'doubtful, {found.names[most]} {found.scores[most]:.2f} the most'
        )
    reason += f'; stands for {one.covers} pictures'
    if one.nearest is None:
        return reason
    return f'{reason}, {one.distance:.2f} away from the nearest label, {names[one.nearest]}'


def _report(out: Path, given: int, count: int, seen: Scan) -> int:
    print(f'{given} of {len(seen.names)} pictures to label, the best first, in {out / LIST}')
    if given < count:
        print(
            f'{count} were asked for: all others are labelled, or copies of one that is or that is '
            'chosen',
            file=sys.stderr,
        )
    if seen.failed:
        print(f'{len(seen.failed)} pictures could not be read, see {out / FAILED}', file=sys.stderr)
    return len(seen.failed)
