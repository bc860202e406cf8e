"""Masks as COCO's run lengths, looked at before pycocotools is.

pycocotools reads past the end of a damaged string, takes any size as it comes, and compares two
masks only up to their shortest: it ends in a traceback, not at all, or in a lower score.
"""

from __future__ import annotations

import numpy as np

FIRST, LAST = ord('0'), ord('0') + 63  # a character carries 6 bits
MOST_CHARACTERS = 7  # 5 bits of value each: a run of 32 bits and its sign


def decode_counts(text: str) -> np.ndarray | None:
    """Run lengths of COCO's compressed string (``rleFrString`` of maskApi.c).

    A run is a number of 5-bit groups, least first, with a sign; from the fourth on it is the
    difference to the last run but one.

    Returns:
        (N,) int64, or None where the string is damaged.
    """
    codes = np.frombuffer(text.encode('utf-8', 'replace'), np.uint8).astype(np.int64) - FIRST
    if not len(codes) or codes.min() < 0 or codes.max() > LAST - FIRST or codes[-1] & 32:
        return None
    ends = np.flatnonzero(~codes & 32)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends + 1 - starts
    if lengths.max() > MOST_CHARACTERS:
        return None
    place = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    runs = np.add.reduceat((codes & 31) << place, starts)
    runs -= (codes[ends] & 16 > 0) * (1 << 5 * lengths)
    for first in (1, 2):
        runs[first::2] = np.cumsum(runs[first::2])
    return runs


def runs_of(counts: object) -> np.ndarray | None:
    """(N,) int64 of either kind of counts; None where they are none."""
    if isinstance(counts, str):
        return decode_counts(counts)
    try:
        runs = np.array(counts) if isinstance(counts, list) else np.empty(0)
    except (ValueError, OverflowError):
        return None
    # a list with a bool among numbers becomes numbers as well, as in pycocotools
    return (
        runs.astype(np.int64) if runs.dtype.kind == 'i' and runs.ndim == 1 and len(runs) else None
    )


def is_mask(segmentation: dict, height: int, width: int) -> bool:
    """Whether run lengths fill a picture of that size exactly and mark a pixel of it.

    Args:
        segmentation: ``dict(size=[height, width], counts=...)``, the counts a list or a string.
        height: Of the picture, pixels; likewise ``width``.
    """
    size = segmentation.get('size')
    if (
        not isinstance(size, list)
        or [type(side) for side in size] != [int, int]
        or size != [height, width]
    ):
        return False
    runs = runs_of(segmentation.get('counts'))
    # of a run of no pixels that is neither the first nor the last, pycocotools takes no notice of
    # what follows
    return bool(
        runs is not None
        and runs.min() >= 0
        and runs[1:-1].all()
        and runs.max() <= height * width
        and int(runs.sum()) == height * width
        and int(runs[1::2].sum()) > 0
    )
