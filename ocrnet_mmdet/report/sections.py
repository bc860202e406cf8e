"""The parts of a report's page: plain values that its template shows one after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """An SVG with its caption."""

    svg: str
    caption: str = ''


@dataclass(frozen=True)
class Drawing:
    """A JPEG as a data URI, and its width over its height."""

    uri: str
    ratio: float


@dataclass(frozen=True)
class Picture:
    """Drawings side by side, with what each shows, and a caption."""

    drawings: Sequence[tuple[Drawing, str]]
    caption: str

    @property
    def ratio(self) -> float:
        """Width over height of all drawings in a row."""
        return sum(drawing.ratio for drawing, _ in self.drawings)


@dataclass(frozen=True)
class Table:
    """Cells as text; one with a share is ``(text, share)``, shaded by it.

    Attributes:
        text: Columns that hold words and may break.
    """

    header: Sequence[str]
    lines: Sequence[Sequence[object]]
    text: Sequence[int] = ()


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes:
        answer: Lines that stand out.
        complaints: Each one's caption is a sentence that stands before its drawings.
    """

    title: str
    answer: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    complaints: Sequence[Picture] = ()
    pictures: Sequence[Picture] = ()
    note: str = ''

    def __bool__(self) -> bool:
        """Whether there is anything to show."""
        parts = (self.answer, self.figures, self.tables, self.complaints, self.pictures, self.note)
        return any(parts)


def percent(value: float | None, signed: bool = False) -> str:
    """AP, 0 to 1, as it is written: times 100."""
    if value is None or math.isnan(value):
        return ''
    return f'{100 * value:{"+" if signed else ""}.1f}'
