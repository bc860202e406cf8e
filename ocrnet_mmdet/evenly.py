"""Some of many, spread evenly."""

from __future__ import annotations

import numpy as np


def evenly(length: int, most: int) -> list[int]:
    """Up to ``most`` indices below ``length``, the first and the last among them."""
    return np.linspace(0, length - 1, min(length, most)).round().astype(int).tolist()
