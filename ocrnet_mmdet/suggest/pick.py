"""Greedy choice of pictures that are unsure and far from all that is labelled or chosen already.

Each step takes the candidate with the greatest weight times distance to its nearest neighbour among
the labelled and the chosen ones: k-centre greedy (Sener and Savarese, 2018, algorithm 1) with
weighted distances. Plain numpy.

Shape shorthand: P pictures, labelled ones among them, C channels of a picture's vector, B bits of a
picture's print.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..datasets.near_duplicates import NEAR

FLOOR = 0.1  # added to the unsureness: a picture of which nothing was found is not out of the race
SAME = 1e-6  # distance, as a share of the vectors' length, up to which two are of one content


@dataclass(frozen=True)
class Pick:
    """A chosen picture.

    Attributes:
        index: Its place among the P.
        distance: From the nearest labelled or earlier one; infinite where there is none.
        nearest: The place of that one, or None.
    """

    index: int
    distance: float
    nearest: int | None


def pick(
    vectors: np.ndarray,
    unsure: np.ndarray,
    labelled: np.ndarray,
    count: int,
    prints: np.ndarray | None = None,
) -> list[Pick]:
    """The pictures to label, best first.

    Of equal ones the first is taken. Copies of a labelled or chosen picture never are: fewer than
    ``count`` come out where no other is left.

    Args:
        vectors: (P, C) floats.
        unsure: (P,) from 0 to 1.
        labelled: (P,) bool, those that are not chosen.
        prints: (P, B) bool as :func:`..datasets.near_duplicates.print_of` makes them; without them
            copies are told by their vectors.
    """
    vectors = np.asarray(vectors, np.float64)
    weight = FLOOR + np.asarray(unsure, np.float64)
    state = _Distances(vectors, prints)
    for i in np.flatnonzero(labelled):
        state.add(int(i))
    picks: list[Pick] = []
    while len(picks) < count:
        # the first has nothing to be far from
        gain = weight * (state.distance if state.any else 1.0)
        gain = np.where(state.taken, -1.0, gain)
        best = int(gain.argmax()) if len(gain) else -1
        if best < 0 or gain[best] < 0:
            break
        picks.append(Pick(best, float(state.distance[best]), state.nearest_of(best)))
        state.add(best)
    return picks


class _Distances:
    """Of all pictures from what is labelled or chosen.

    Attributes:
        distance: (P,) from the nearest.
        taken: (P,) bool, which are among them or copies of one.
        any: Whether there is one.
    """

    def __init__(self, vectors: np.ndarray, prints: np.ndarray | None) -> None:
        self._vectors, self._prints = vectors, prints
        self._same = SAME * np.linalg.norm(vectors, axis=1)
        self._nearest: np.ndarray = np.full(len(vectors), -1)
        self.distance: np.ndarray = np.full(len(vectors), np.inf)
        self.taken: np.ndarray = np.zeros(len(vectors), bool)
        self.any = False

    def add(self, i: int) -> None:
        """Count picture ``i`` as labelled or chosen."""
        away = np.linalg.norm(self._vectors - self._vectors[i], axis=1)
        self._nearest = np.where(away < self.distance, i, self._nearest)
        self.distance = np.minimum(away, self.distance)
        self.taken |= away <= self._same
        if self._prints is not None:
            self.taken |= (self._prints != self._prints[i]).sum(1) <= NEAR
        self.taken[i] = self.any = True

    def nearest_of(self, i: int) -> int | None:
        """The place of the one that ``i`` is nearest to."""
        return int(self._nearest[i]) if self.any else None
