"""A line of the data check, with the pictures that it tells of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """What a line tells of.

    Attributes:
        picture: Name below the picture folder; the file may be absent or damaged.
        objects: Annotations of the picture, as they came.
    """

    picture: str
    objects: tuple[dict, ...] = ()


class Note(str):
    """A line; for all that is done with text it is nothing else.

    Args:
        text: The line.
        examples: Pictures to draw beside it.
    """

    examples: tuple[Example, ...]

    def __new__(cls, text: str, *examples: Example) -> Note:
        note = super().__new__(cls, text)
        note.examples = examples
        return note


def examples_of(line: str) -> tuple[Example, ...]:
    """The pictures that a line tells of; a plain text has none."""
    return line.examples if isinstance(line, Note) else ()


def placed(place: str, line: str) -> Note:
    """The line after the name of what it is about."""
    return Note(f'{place}: {line}', *examples_of(line))
