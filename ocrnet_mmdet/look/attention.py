"""Attention weights of an aggregator, read beside it: the model itself computes none of them.

Shape shorthand: B images, N = all regions of a batch, R = most regions of one image, Q queries,
T = 1 + G*G tokens of a region, as in models/aggregator.py. Plain torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models.aggregator import Aggregator, Attention


@dataclass
class Recorded:
    """Attention of every layer, first to last; each row is a softmax.

    Attributes:
        within: (N, heads, T, T) of the tokens of each region.
        between: (B, heads, R, 1 + R) of the regions of each image over nobody and all regions.
    """

    within: list[Tensor] = field(default_factory=list)
    between: list[Tensor] = field(default_factory=list)


def weights_of(
    attention: Attention, queries: Tensor, keys: Tensor, visible: Tensor | None = None
) -> Tensor:
    """(B, heads, Q, keys): how much of each key's value a head takes for each query.

    Arguments as of :class:`Attention`, whose fused kernel does not give them out.
    """
    q = attention.query(queries).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
    k = attention.key_value(keys).chunk(2, -1)[0]
    k = k.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if visible is not None:
        scores = scores.masked_fill(~visible[:, None, None], -torch.inf)
    return scores.softmax(-1)


@contextmanager
def recorded_attention(aggregator: Aggregator) -> Iterator[Recorded]:
    """Record the attention of every pass while the context is open; the pass is as ever."""
    recorded = Recorded()

    def recorder(into: list[Tensor]):
        def record(attention: Attention, inputs: tuple, _: Tensor) -> None:
            with torch.no_grad():
                into.append(weights_of(attention, *inputs))

        return record

    hooks = [
        part.register_forward_hook(recorder(into))
        for layer in aggregator.layers
        for part, into in ((layer.within, recorded.within), (layer.between, recorded.between))
    ]
    try:
        yield recorded
    finally:
        for hook in hooks:
            hook.remove()
