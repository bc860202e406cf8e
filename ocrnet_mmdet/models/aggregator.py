"""The aggregator F_F: attention within each region and between the regions of one picture.

Shape shorthand: B images, N = all regions of a batch, R = most regions of one image, C channels,
S = pooled side, G = side of a region's grid of tokens, T = 1 + G*G tokens of a region.
Naming convention: a region's *token 0* is its vector; it takes part in the attention within the
region and is the only token that sees other regions, so what it learns there reaches the G*G others
in the next layer. Plain torch; the RoI head wraps it.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from ..errors import InputError, require

SIDE_UNIT = 128  # pixels: sides of 8 to 512 px become -2.8 to 1.4


class Attention(nn.Module):
    """Multi-head attention of queries (B, Q, C) over keys (B, K, C)."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        if channels % num_heads:
            raise InputError(
                f'channels={channels} cannot be split into num_heads={num_heads}: '
                "set num_heads to a divisor of the neck's out_channels"
            )
        self.num_heads = num_heads
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, queries: Tensor, keys: Tensor, visible: Tensor | None = None) -> Tensor:
        """``visible`` (B, K), True where a key may be attended to."""
        if keys is queries:  # one product instead of two
            weight = torch.cat([self.query.weight, self.key_value.weight])
            bias = torch.cat([self.query.bias, self.key_value.bias])
            q, k, v = self._heads(F.linear(queries, weight, bias), 3)
        else:
            (q,) = self._heads(self.query(queries), 1)
            k, v = self._heads(self.key_value(keys), 2)
        mask = None if visible is None else visible[:, None, None]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (B, heads, Q, C / heads)
        return self.out(out.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(B, Q, parts * C) to ``parts`` tensors (B, heads, Q, C / heads)."""
        return x.unflatten(-1, (parts * self.num_heads, -1)).transpose(1, 2).chunk(parts, 1)


class AggregatorLayer(nn.Module):
    """Attention within the regions, attention between them, feed-forward; each pre-norm and
    residual.
    """

    def __init__(self, channels: int, num_heads: int, ffn_ratio: float) -> None:
        super().__init__()
        self.norm_within = nn.LayerNorm(channels)
        self.within = Attention(channels, num_heads)
        self.norm_between = nn.LayerNorm(channels)
        self.between = Attention(channels, num_heads)
        # An image without context regions still has one key: an empty softmax is NaN.
        self.nobody = nn.Parameter(torch.zeros(channels))
        hidden = int(channels * ffn_ratio)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, hidden),
            nn.GELU(),
            nn.Linear(hidden, channels),
        )

    def forward(self, tokens: Tensor, counts: list[int] | None, visible: Tensor) -> Tensor:
        """Tokens (N, T, C) of regions grouped by image, ``visible`` (B, R) as keys.

        ``counts`` has the regions of each image, None for one image.
        """
        x = self.norm_within(tokens)
        tokens = tokens + self.within(x, x)
        tokens = torch.cat(
            [tokens[:, :1] + self._between(tokens[:, 0], counts, visible)[:, None], tokens[:, 1:]],
            dim=1,
        )
        return tokens + self.feed_forward(tokens)

    def _between(self, vectors: Tensor, counts: list[int] | None, visible: Tensor) -> Tensor:
        vectors = self.norm_between(vectors)
        if counts is None:
            vectors = vectors[None]
        else:  # (B, R, C)
            vectors = pad_sequence(vectors.split(counts), batch_first=True)
        nobody = self.nobody.to(vectors.dtype).expand(len(vectors), 1, -1)
        visible = F.pad(visible, (1, 0), value=True)
        out = self.between(vectors, torch.cat([nobody, vectors], dim=1), visible)
        if counts is None:
            return out[0]
        return torch.cat([rows[:count] for rows, count in zip(out, counts)])  # (N, C)


class Aggregator(nn.Module):
    """F_F: ``num_layers`` of attention, and what its last step adds to the pooled regions R.

    The result is zero at initialisation (the output projection starts at zero), so a new detector's
    heads see the pooled features alone.

    Args:
        channels: C, the channels of the pooled regions.
        num_layers: Layers, 3 in the article.
        num_heads: Attention heads.
        ffn_ratio: Hidden width of the feed-forward part, in C.
        roi_size: S.
        token_size: G, to which the regions are averaged. With S tokens a side a prediction of the
            narrow net takes 2.5 times as long, at the same AP (docs/results.md, The step).
        max_context: Regions of an image that others may attend to: its first ones, which at test
            time are its best. The context of the best 100 regions is then the same whether 100 or
            1,000 are read.
        with_cp: Recompute each layer in the backward pass to save memory.
    """

    pool = staticmethod(F.adaptive_avg_pool2d)  # ONNX has none: an exported copy has its own

    def __init__(
        self,
        channels: int,
        num_layers: int = 3,
        num_heads: int = 8,
        ffn_ratio: float = 2.0,
        roi_size: int = 7,
        token_size: int = 2,
        max_context: int = 100,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        require('aggregator.num_layers', num_layers, int, low=1)
        require('aggregator.num_heads', num_heads, int, low=1)
        require('aggregator.ffn_ratio', ffn_ratio, above=0)
        self.max_context = require('aggregator.max_context', max_context, int, low=0)
        self.with_cp = with_cp
        self.token_size = require('aggregator.token_size', token_size, int, low=1)
        self.norm_in = nn.LayerNorm(channels)
        self.position = nn.Parameter(torch.zeros(1 + roi_size**2, channels))
        self.place = nn.Sequential(nn.Linear(4, channels), nn.GELU(), nn.Linear(channels, channels))
        self.layers = nn.ModuleList(
            AggregatorLayer(channels, num_heads, ffn_ratio) for _ in range(num_layers)
        )
        self.fuse = nn.Linear(num_layers * channels, channels)
        self.norm_out = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, channels)
        self.init_weights()

    def init_weights(self) -> None:
        nn.init.trunc_normal_(self.position, std=0.02)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        regions: Tensor,
        places: Tensor,
        image: Tensor,
        num_images: int,
        context: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What to add to the regions, and the regions' vectors.

        Args:
            regions: R (N, C, S, S), pooled.
            places: (N, 4), see :func:`region_places`.
            image: (N,) index of each region's image, in [0, num_images), grouped: all of image 0
                first.
            num_images: B.
            context: (N,) False for regions that no other region may see; None shows all.

        Returns:
            F_F(R) (N, C, G, G), see :func:`add_resampled`, and F_FL (N, num_layers, C), the vectors
            after each layer.
        """
        counts = torch.bincount(image, minlength=num_images).tolist()
        context = torch.ones_like(image, dtype=torch.bool) if context is None else context
        visible = pad_sequence(context.split(counts), batch_first=True)  # (B, R)
        visible = visible & (visible.cumsum(1) <= self.max_context)
        return self.attend(regions, places, counts, visible)

    def attend(
        self, regions: Tensor, places: Tensor, counts: list[int] | None, visible: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`forward`, of regions whose neighbours are known.

        Args:
            regions: R (N, C, S, S), grouped by image.
            places: (N, 4), see :func:`region_places`.
            counts: Regions of each image; None for one image.
            visible: (B, R) True for regions that the others of their image may attend to.
        """
        coarse = self.pool(regions, self.token_size)
        tokens = self.norm_in(coarse.flatten(2).transpose(1, 2))  # (N, G*G, C)
        vectors = tokens.mean(1, keepdim=True) + self.place(places)[:, None]
        tokens = torch.cat([vectors, tokens], dim=1) + self._position()
        levels = []
        for layer in self.layers:
            if self.with_cp and tokens.requires_grad:
                tokens = checkpoint(layer, tokens, counts, visible, use_reentrant=False)
            else:
                tokens = layer(tokens, counts, visible)
            levels.append(tokens[:, 0])
        fused = self.fuse(torch.cat(levels, dim=-1))[:, None]
        out = self.out(self.norm_out(tokens[:, 1:] + fused))
        return out.transpose(1, 2).unflatten(2, coarse.shape[-2:]), torch.stack(levels, dim=1)

    def _position(self) -> Tensor:
        """(1 + G*G, C): that of the region's vector, and those of its S x S places averaged to G x
        G.
        """
        side = math.isqrt(len(self.position) - 1)
        grid = self.position[1:].T.unflatten(1, (side, side))
        coarse = self.pool(grid[None], self.token_size)[0]
        return torch.cat([self.position[:1], coarse.flatten(1).T])


def add_resampled(regions: Tensor, added: Tensor) -> Tensor:
    """R + F_F(R): regions (N, C, H, W) of any size and F_F(R) (N, C, G, G), resampled to it."""
    return regions + F.interpolate(
        added, size=regions.shape[-2:], mode='bilinear', align_corners=False
    )


def region_places(boxes: Tensor, size: tuple[int, int] | Tensor) -> Tensor:
    """Centre in picture widths and heights, and the logarithm of each side in units of
    ``SIDE_UNIT``.

    The sides are not the picture's share: a network trained on crops would take every object of a
    whole picture for one of a size that it has not seen. On nuclei (crops of 128 px, pictures of
    384) dark background was found as small objects, and 1,000 steps from pretrained weights on 25
    pictures gave 20.5 box AP instead of 37.8.

    Args:
        boxes: (N, 4) xyxy, pixels of the network's input.
        size: (H, W) of the network's input.
    """
    frame = size if isinstance(size, Tensor) else boxes.new_tensor(size)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / frame.flip(0)
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1) / SIDE_UNIT
    return torch.cat([centre, sides.log()], dim=1)
