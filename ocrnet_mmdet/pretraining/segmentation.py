"""Candidate segments of an image: graph segmentation, then hierarchical merging.

Shape letters: h w the image's pixels, n nodes, e pairs of adjacent nodes.
Naming convention: a *leaf* is a segment of the graph segmentation, a *node* a leaf or the union of
two nodes, a *tree* all nodes of one segmentation under one merging strategy. The nodes of all trees
lie in one table, so that one step of numpy serves every tree.

Sources: Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004 (the
leaves, by scikit-image); Uijlings et al., "Selective Search for Object Recognition", IJCV 2013,
section 3.2 (the similarities of colour, texture, size and fill). They merge the one most similar
pair at a time; a round here merges every pair of which each is the other's most similar: recall was
the same within 0.02 and an image took a fifth of the time (some 50 rounds instead of 300).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.segmentation import felzenszwalb

COLOUR_BINS = 16  # a channel
ORIENTATIONS = 8
STEEPNESS = (3, 10)  # colour distances a pixel between flat, textured and edge-like
STRONG_EDGE = 20  # colour distance a pixel that counts as one whole unit of dissimilarity
ADDITIVE = ('area', 'leaves', 'colour', 'texture', 'edge', 'border')


@dataclass
class Nodes:
    """The nodes of all trees; row i of every array is node i, the parts stand before their union.

    Attributes:
        area: (n,) pixels.
        leaves: (n,) how many leaves it is made of.
        box: (n, 4) xyxy pixels, continuous: pixel i covers [i, i + 1].
        colour: (n, 3 * COLOUR_BINS) pixels in each bin of each Lab channel.
        texture: (n, 3 * ORIENTATIONS) pixels of each orientation and steepness.
        edge: (n,) sum of the gradient along the border shared with other nodes.
        border: (n,) length of that border, pixels.
        contrast: (n,) in [0, 1]: how little colour and texture it shares with the most similar of
            all neighbours it ever had.
        strategy: (n, 5) weights of :func:`_similarity` in its tree.
        tree: (n,) index of its tree.
        first: (n,) its leaves have the places first ... first + leaves - 1 in the tree's order.
    """

    area: np.ndarray
    leaves: np.ndarray
    box: np.ndarray
    colour: np.ndarray
    texture: np.ndarray
    edge: np.ndarray
    border: np.ndarray
    contrast: np.ndarray
    strategy: np.ndarray
    tree: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.area)


@dataclass
class Pairs:
    """Adjacent nodes ``a`` < ``b`` (e,), indices; ``edge`` and ``border`` (e,) as in Nodes."""

    a: np.ndarray
    b: np.ndarray
    edge: np.ndarray
    border: np.ndarray

    def sent(self, to: np.ndarray) -> Pairs:
        """The pairs after every node i became node ``to[i]``: repeated ones summed."""
        low, high = np.sort([to[self.a], to[self.b]], axis=0)
        apart = low != high
        base = int(to.max(initial=0)) + 1
        keys, index = np.unique((low * base + high)[apart], return_inverse=True)
        return Pairs(
            keys // base,
            keys % base,
            np.bincount(index, self.edge[apart], len(keys)),
            np.bincount(index, self.border[apart], len(keys)),
        )


def grow_trees(
    lab: np.ndarray, segmentations: tuple, strategies: tuple
) -> tuple[Nodes, list[np.ndarray]]:
    """All candidate segments of an 8-bit Lab image (h, w, 3).

    Args:
        segmentations: (scale, min_size) of each ``felzenszwalb``.
        strategies: Weights of :func:`_similarity`, five each.

    Returns:
        The nodes, and for every tree the place (h, w) of each pixel's leaf: node i of tree t covers
        the pixels where ``first[i] <= places[t] < first[i] + leaves[i]``.
    """
    steepness, texture = _gradients(lab)
    label_maps = [
        felzenszwalb(lab, scale, sigma=0.6, min_size=least) for scale, least in segmentations
    ]
    tables, starts, n = [], [], 0
    for labels in label_maps:
        leaves, pairs = _describe(lab, labels, steepness, texture)
        for strategy in strategies:
            tables.append((leaves, pairs, strategy))
            starts.append(n)
            n += len(leaves['area'])
    nodes, pairs = _join(tables, starts, n)
    nodes = _merge(nodes, pairs, n, lab.shape[0] * lab.shape[1])
    places = [
        nodes.first[start + label_maps[t // len(strategies)]] for t, start in enumerate(starts)
    ]
    return nodes, places


def _gradients(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steepness (h, w) in colour distance a pixel, and the texture bin (h, w)."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 0.6).astype(np.float32)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    steepness = np.sqrt((dx * dx + dy * dy).sum(2))
    turn = np.arctan2(dy[..., 0], dx[..., 0]) / (2 * np.pi) + 0.5
    orientation = (turn * ORIENTATIONS).astype(int) % ORIENTATIONS
    return steepness, orientation * 3 + np.digitize(steepness, STEEPNESS)


def _describe(
    lab: np.ndarray, labels: np.ndarray, steepness: np.ndarray, texture: np.ndarray
) -> tuple[dict[str, np.ndarray], Pairs]:
    """The leaves of a label map (h, w): the columns of their Nodes, and which are adjacent."""
    flat, n = labels.ravel(), int(labels.max()) + 1
    rows, columns = np.indices(labels.shape).reshape(2, -1)
    box = np.tile([*labels.shape[::-1], 0, 0], (n, 1))
    for side, (extreme, value) in enumerate(
        [
            (np.minimum, columns),
            (np.minimum, rows),
            (np.maximum, columns + 1),
            (np.maximum, rows + 1),
        ]
    ):
        extreme.at(box[:, side], flat, value)
    colour = [
        _histogram(flat, lab[..., c] // (256 // COLOUR_BINS), n, COLOUR_BINS) for c in range(3)
    ]
    pairs = _adjacent(labels, steepness).sent(np.arange(n))
    ends = np.concatenate([pairs.a, pairs.b])
    return dict(
        area=np.bincount(flat, minlength=n),
        leaves=np.ones(n, int),
        box=box,
        colour=np.concatenate(colour, axis=1),
        texture=_histogram(flat, texture, n, 3 * ORIENTATIONS),
        edge=np.bincount(ends, np.tile(pairs.edge, 2), n),
        border=np.bincount(ends, np.tile(pairs.border, 2), n),
    ), pairs


def _histogram(flat: np.ndarray, bins: np.ndarray, n: int, count: int) -> np.ndarray:
    index = flat * count + bins.ravel()
    return np.bincount(index, minlength=n * count).reshape(n, count).astype(np.float32)


def _adjacent(labels: np.ndarray, steepness: np.ndarray) -> Pairs:
    """One pair for every two neighbouring pixels of different leaves."""
    a = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    b = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    edge = np.concatenate(
        [
            np.maximum(steepness[:, :-1], steepness[:, 1:]).ravel(),
            np.maximum(steepness[:-1], steepness[1:]).ravel(),
        ]
    )
    change = a != b
    return Pairs(a[change], b[change], edge[change], np.ones(change.sum()))


def _join(tables: list, starts: list[int], n: int) -> tuple[Nodes, Pairs]:
    """The n leaves of all trees in one table, with room for the fewer than n unions."""
    sizes = [len(leaves['area']) for leaves, _, _ in tables]
    columns = {
        name: np.concatenate([leaves[name] for leaves, _, _ in tables])
        for name in (*ADDITIVE, 'box')
    }
    columns['strategy'] = np.repeat([strategy for *_, strategy in tables], sizes, axis=0)
    columns['tree'] = np.repeat(np.arange(len(tables)), sizes)
    columns['contrast'], columns['first'] = np.ones(n), np.zeros(n, int)
    nodes = Nodes(
        **{
            name: np.concatenate([column, np.zeros_like(column)])
            for name, column in columns.items()
        }
    )
    nodes.contrast[:] = 1
    pairs = [
        np.concatenate(
            [
                getattr(pairs, name) + shift * (name in 'ab')
                for (_, pairs, _), shift in zip(tables, starts)
            ]
        )
        for name in ('a', 'b', 'edge', 'border')
    ]
    return nodes, Pairs(*pairs)


def _merge(nodes: Nodes, pairs: Pairs, n: int, pixels: int) -> Nodes:
    """Merge the first ``n`` nodes, the leaves, until no two are adjacent."""
    rounds = []
    while len(pairs.a):
        chosen = _most_similar(_similarity(nodes, pairs, pixels), pairs, n)
        a, b = pairs.a[chosen], pairs.b[chosen]
        new = np.arange(n, n + len(a))
        _unite(nodes, a, b, new)
        for name in ('edge', 'border'):
            getattr(nodes, name)[new] -= 2 * getattr(pairs, name)[chosen]
        rounds.append((a, b, new))
        to = np.arange(n + len(a))
        to[a] = to[b] = new
        pairs, n = pairs.sent(to), n + len(a)
    for a, b, new in reversed(rounds):
        nodes.first[a] = nodes.first[new]
        nodes.first[b] = nodes.first[new] + nodes.leaves[a]
    return Nodes(**{name: column[:n] for name, column in vars(nodes).items()})


def _unite(nodes: Nodes, a: np.ndarray, b: np.ndarray, new: np.ndarray) -> None:
    for name in ADDITIVE:
        column = getattr(nodes, name)
        column[new] = column[a] + column[b]
    nodes.box[new] = _union_box(nodes, a, b)
    nodes.strategy[new], nodes.tree[new] = nodes.strategy[a], nodes.tree[a]


def _union_box(nodes: Nodes, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [
            np.minimum(nodes.box[a, :2], nodes.box[b, :2]),
            np.maximum(nodes.box[a, 2:], nodes.box[b, 2:]),
        ],
        axis=1,
    )


def _most_similar(similarity: np.ndarray, pairs: Pairs, n: int) -> np.ndarray:
    """The pairs (e,) bool of which each is the other's most similar; no node is in two of them."""
    rank = np.empty(len(similarity), int)
    rank[np.argsort(similarity, kind='stable')] = np.arange(len(similarity))
    best = np.full(n, -1)
    np.maximum.at(best, pairs.a, rank)
    np.maximum.at(best, pairs.b, rank)
    return (rank == best[pairs.a]) & (rank == best[pairs.b])


def _shared(nodes: Nodes, counts: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Histogram intersection (e,) of the pairs' counts a pixel."""
    a, b = pairs.a, pairs.b
    return np.minimum(counts[a] / nodes.area[a][:, None], counts[b] / nodes.area[b][:, None]).sum(1)


def _similarity(nodes: Nodes, pairs: Pairs, pixels: int) -> np.ndarray:
    """How well the pairs (e,) would merge: colour, texture, size, fill and weak border, each about
    0 to 1, weighted by the tree's strategy. Notes the nodes' contrast on the way."""
    a, b = pairs.a, pairs.b
    colour, texture = _shared(nodes, nodes.colour, pairs) / 3, _shared(nodes, nodes.texture, pairs)
    contrast = np.maximum(1 - (colour + texture) / 2, 0)  # rounding might take it below
    for ends in (a, b):
        np.minimum.at(nodes.contrast, ends, contrast)
    size = (nodes.area[a] + nodes.area[b]) / pixels
    box = _union_box(nodes, a, b)
    around = (box[:, 2:] - box[:, :2]).prod(1) / pixels - size
    weak = 1 - pairs.edge / pairs.border / STRONG_EDGE
    return (
        np.stack([colour, texture, 1 - size, 1 - around, weak], axis=1) * nodes.strategy[a]
    ).sum(1)
