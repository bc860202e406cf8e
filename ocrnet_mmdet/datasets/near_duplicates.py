"""Pictures that show the same thing: frames of one video, copies, re-saved or rescaled files.

A picture's print is its difference hash: whether each cell of a small grey version is brighter than
its right neighbour. Plain numpy and OpenCV.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SIDE = 16  # of the small version: 256 bits
NEAR = 20  # bits; unrelated pictures differ in about 100


def print_of(picture: np.ndarray) -> np.ndarray:
    """The print (256,) bool of a picture (H, W, 3) or (H, W) uint8."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
    small = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return (small[:, 1:] > small[:, :-1]).ravel()


def groups_of(prints: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """(N,) the group of each picture: near ones share it, and what is near to a near one too."""
    signs = np.asarray(prints, np.float32).reshape(len(prints), -1) * 2 - 1
    group = np.arange(len(signs))
    for i, row in enumerate(signs):
        near = signs[:i] @ row >= len(row) - 2 * NEAR
        for other in np.unique(group[:i][near]):
            group[group == other] = i
    return group
