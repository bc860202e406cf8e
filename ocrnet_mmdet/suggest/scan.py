"""All pictures of a pool through a detector: what is found, vectors and prints, kept on disk."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..datasets.near_duplicates import print_of
from ..errors import InputError
from ..predict.found import Found
from ..predict.predictor import Predictor
from ..predict.progress import Progress
from ..predict.records import Records, stamp_of
from ..predict.sources import Input, Picture
from .unsure import unsureness
from .vectors import VectorDetector


@dataclass
class Scan:
    """P pictures that could be read, in the order of their names.

    Attributes:
        names: Of the pictures.
        vectors: (P, C) float32.
        unsure: (P,) from 0 to 1.
        prints: (P, B) bool.
        failed: A line about each picture that could not be read.
    """

    names: list[str]
    vectors: np.ndarray
    unsure: np.ndarray
    prints: np.ndarray
    failed: list[str]


def scan(predictor: Predictor, inputs: Iterable[Input], records: Records) -> Scan:
    """Predict what the records do not have yet; picture by picture, so that a kill loses one.

    Args:
        predictor: Its ``score`` is the least that counts as unsure, or less.
    """
    inputs = sorted(inputs, key=lambda one: one.name)
    progress = Progress(len(inputs))
    with _watched(predictor) as vectors:
        for one in inputs:
            stamp = stamp_of(one.path)
            new = not records.has(one.name, stamp)
            if new:
                records.add([_record(predictor, vectors, one) | dict(stamp=stamp)])
            progress.add(new, not new)
    progress.say(f'{len(inputs)} pictures went through the detector')
    return _gathered([one.name for one in inputs], records)


@contextmanager
def _watched(predictor: Predictor) -> Iterator[VectorDetector]:
    """The predictor's detector sums up vectors while the context is open."""
    plain = predictor.net.model
    predictor.net.model = watched = VectorDetector(plain)
    try:
        yield watched
    finally:
        predictor.net.model = plain


def _record(predictor: Predictor, vectors: VectorDetector, one: Input) -> dict:
    """What was found in a picture with its vector and print, or the error."""
    vectors.clear()
    try:
        image = Picture(one.name, one.path).read()
    except InputError as error:
        return dict(name=one.name, error=str(error))
    (found,) = predictor.detect([one.name], [image])
    if isinstance(found, InputError):
        return dict(name=one.name, error=str(found))
    bits = np.packbits(print_of(image)).tobytes()
    vector = vectors.mean().astype('<f4').tobytes()
    return found.record() | dict(vector=_text(vector), print=_text(bits))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _gathered(names: list[str], records: Records) -> Scan:
    read = [name for name in names if 'error' not in records[name]]
    failed = [records[name]['error'] for name in names if 'error' in records[name]]
    vectors = [np.frombuffer(base64.b64decode(records[name]['vector']), '<f4') for name in read]
    prints = [np.frombuffer(base64.b64decode(records[name]['print']), np.uint8) for name in read]
    unsure = [unsureness(np.array(records[name]['scores'])) for name in read]
    return Scan(
        read,
        np.stack(vectors) if read else np.zeros((0, 1), np.float32),
        np.array(unsure),
        np.unpackbits(np.stack(prints), axis=1).astype(bool) if read else np.zeros((0, 1), bool),
        failed,
    )


def found_in(name: str, records: Records, classes: tuple[str, ...], score: float) -> Found:
    """What was found in a picture with at least that score."""
    record = dict(records[name])
    kept = [i for i, s in enumerate(record['scores']) if s >= score]
    for key in ('boxes', 'scores', 'labels', 'masks'):
        if record[key] is not None:
            record[key] = [record[key][i] for i in kept]
    return Found.of_record(record, classes)
