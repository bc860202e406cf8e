"""One line that says how far a long run is, and how fast."""

from __future__ import annotations

import sys
import time
from typing import IO

CLEAR = '\r\x1b[K'  # a terminal's line
EVERY = (0.2, 30.0)  # seconds between two lines: of a terminal, where one takes the other's place


class Progress:
    """Pictures done of all that are to be done.

    Args:
        total: As far as it is known.
        file: Where it is written.
    """

    def __init__(self, total: int, file: IO[str] | None = None) -> None:
        self._total, self._file = total, file or sys.stderr
        self._start = self._said = time.monotonic()
        self._live = self._file.isatty()
        self.done = self._new = 0

    def add(self, new: int, before: int = 0) -> None:
        """Count pictures that are done now and that were before, and say it where that is due."""
        self._new += new
        self.done += new + before
        if time.monotonic() - self._said >= EVERY[not self._live]:
            self._said = time.monotonic()
            end = '' if self._live else '\n'
            print(CLEAR * self._live + self._line(), end=end, file=self._file, flush=True)

    def say(self, line: str) -> None:
        """A line of its own, which stays."""
        print(CLEAR * self._live + line, file=self._file, flush=True)

    def rate(self) -> float:
        """New pictures a second so far."""
        return self._new / max(time.monotonic() - self._start, 1e-9)

    def _line(self) -> str:
        left = max(0, self._total - self.done) / max(self.rate(), 1e-9)
        unit = f'{left / 60:.0f} min' if left >= 120 else f'{left:.0f} s'
        return f'{self.done} of {self._total} pictures, {self.rate():.2g} a second, {unit} left'
