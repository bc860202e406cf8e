"""Greedy choice of pictures that stand for many doubtful ones which no label is near to.

Each step takes the picture that reduces most the sum, over all pictures, of weight times distance
from the nearest labelled or chosen one: greedy k-medians, whose gains only shrink from step to step
(facility location, Nemhauser et al., 1978: at least 63 % of the best choice's reduction), so that
few have to be computed again (Minoux, 1978). Plain numpy.

Shape shorthand: P pictures, labelled ones among them, C channels of a picture's vector, B bits of a
picture's print.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from ..datasets.near_duplicates import NEAR

FLOOR = 0.1  # added to the doubt: a picture of which nothing was found is not out of the race
SAME = 1e-6  # distance, as a share of the vectors' length, up to which two are of one content
BLOCK = 256  # pictures whose distances are computed at once
SLACK = 1e-5  # of a distance: more than products lose by rounding


@dataclass(frozen=True)
class Pick:
    """A chosen picture.

    Attributes:
        index: Its place among the P.
        distance: From the nearest labelled or earlier one; infinite where there is none.
        nearest: The place of that one, or None.
        covers: How many pictures, itself among them, it is nearer to than those.
    """

    index: int
    distance: float
    nearest: int | None
    covers: int


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
    state = _Distances(np.asarray(vectors, np.float64), np.asarray(unsure, np.float64), prints)
    for i in np.flatnonzero(labelled):
        state.add(int(i))
    bounds = state.gain_bounds()
    heap = [(-float(bounds[i]), int(i)) for i in np.flatnonzero(~state.taken)]
    heapq.heapify(heap)
    picks: list[Pick] = []
    while heap and len(picks) < count:
        _, i = heapq.heappop(heap)
        if state.taken[i]:
            continue
        now = (-state.gain(i), i)
        if heap and heap[0] < now:  # another may be better by now
            heapq.heappush(heap, now)
            continue
        picks.append(state.pick(i))
        state.add(i)
    return picks


class _Distances:
    """Of all pictures from what is labelled or chosen.

    Attributes:
        distance: (P,) from the nearest; where there is none more than any two are apart.
        taken: (P,) bool, which are among them or copies of one.
    """

    def __init__(self, vectors: np.ndarray, unsure: np.ndarray, prints: np.ndarray | None) -> None:
        self._vectors, self._prints, self._weight = vectors, prints, FLOOR + unsure
        self._same = SAME * np.linalg.norm(vectors, axis=1)
        self._nearest: np.ndarray = np.full(len(vectors), -1)
        far = 1 + 2 * np.linalg.norm(vectors, axis=1).max(initial=0)
        self.distance: np.ndarray = np.full(len(vectors), far)
        self.taken: np.ndarray = np.zeros(len(vectors), bool)

    def _away(self, i: int) -> np.ndarray:
        return np.linalg.norm(self._vectors - self._vectors[i], axis=1)

    def gain(self, i: int) -> float:
        """By how much picture ``i`` would reduce the weighted sum of distances."""
        return float((self._weight * (self.distance - self._away(i)).clip(min=0)).sum())

    def gain_bounds(self) -> np.ndarray:
        """(P,) at least the gain of each picture, by products of blocks: a tenth of the time."""
        squares = (self._vectors**2).sum(1)
        bounds = np.empty(len(squares))
        for start in range(0, len(squares), BLOCK):
            rows = slice(start, start + BLOCK)
            products = self._vectors[rows] @ self._vectors.T
            away = np.sqrt((squares[rows, None] + squares - 2 * products).clip(min=0))  # (BLOCK, P)
            bounds[rows] = (self.distance - away + SLACK * self.distance).clip(min=0) @ self._weight
        return bounds

    def pick(self, i: int) -> Pick:
        """Picture ``i`` as the next one that is chosen."""
        covers = int((self._away(i) < self.distance).sum())
        if self._nearest[i] < 0:
            return Pick(i, np.inf, None, covers)
        return Pick(i, float(self.distance[i]), int(self._nearest[i]), covers)

    def add(self, i: int) -> None:
        """Count picture ``i`` as labelled or chosen."""
        away = self._away(i)
        self._nearest = np.where(away < self.distance, i, self._nearest)
        self.distance = np.minimum(away, self.distance)
        self.taken |= away <= self._same
        if self._prints is not None:
            self.taken |= (self._prints != self._prints[i]).sum(1) <= NEAR
        self.taken[i] = True
