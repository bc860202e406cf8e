"""Candidate segments of a picture: graph segmentation, then hierarchical merging.

Shape letters: h w the picture's pixels, n nodes (a leaf of the graph segmentation or the union of two
nodes), m leaves, e pairs of adjacent nodes, f bins of a descriptor.

Sources: Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004 (the
leaves, from scikit-image); Uijlings et al., "Selective Search for Object Recognition", IJCV 2013,
section 3.2 (the similarities of colour, texture, size and fill). Where they merge the one most
similar pair at a time, a round here merges every pair of which each is the other's most similar: the
candidates are as good, and a picture takes some 15 rounds of numpy instead of 200 steps of Python.
"""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.segmentation import felzenszwalb

COLOUR_BINS = 16  # of each channel
ORIENTATIONS = 8


@dataclass
class Nodes:
    """Additive properties of n nodes; row i belongs to node i.

    Attributes:
        area: (n,) pixels.
        box: (n, 4) int xyxy in pixels, the last row and column included.
        colour: (n, 3 * COLOUR_BINS) counts of pixels.
        texture: (n, ORIENTATIONS * 3) sums of gradient magnitude.
        edge: (n,) sum of the gradient over the border shared with other nodes.
        border: (n,) length of that border, pixels.
        frame: (n,) length of the border on the picture's frame, pixels.
        leaves: (n, m) bool, the leaves that the node is made of.
    """

    area: np.ndarray
    box: np.ndarray
    colour: np.ndarray
    texture: np.ndarray
    edge: np.ndarray
    border: np.ndarray
    frame: np.ndarray
    leaves: np.ndarray

    def __len__(self) -> int:
        return len(self.area)

    def append(self, a: np.ndarray, b: np.ndarray, edge: np.ndarray, border: np.ndarray) -> None:
        """Add the unions of nodes ``a`` and ``b`` (indices), whose common borders are given."""
        box = np.concatenate([np.minimum(self.box[a, :2], self.box[b, :2]),
                              np.maximum(self.box[a, 2:], self.box[b, 2:])], axis=1)
        self.box = np.concatenate([self.box, box])
        for name in ('area', 'colour', 'texture', 'frame'):
            rows = getattr(self, name)
            setattr(self, name, np.concatenate([rows, rows[a] + rows[b]]))
        self.edge = np.concatenate([self.edge, self.edge[a] + self.edge[b] - 2 * edge])
        self.border = np.concatenate([self.border, self.border[a] + self.border[b] - 2 * border])
        self.leaves = np.concatenate([self.leaves, self.leaves[a] | self.leaves[b]])


@dataclass
class Pairs:
    """Adjacent nodes: ``a`` < ``b`` (e,) indices, ``edge`` and ``border`` (e,) as in Nodes."""

    a: np.ndarray
    b: np.ndarray
    edge: np.ndarray
    border: np.ndarray

    @classmethod
    def unique(cls, a, b, edge, border) -> Pairs:
        """Pairs in any order, repeated ones summed, self-pairs dropped."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        other = low != high
        base = int(high.max(initial=0)) + 1
        keys, index = np.unique((low * base + high)[other], return_inverse=True)
        return cls(keys // base, keys % base, np.bincount(index, edge[other], len(keys)),
                   np.bincount(index, border[other], len(keys)))


def gradients(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (h, w) of Lab colour in units of colour distance a pixel, and its (h, w) orientation bin."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 0.6).astype(np.float32)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    magnitude = np.sqrt((dx * dx + dy * dy).sum(2))
    angle = np.arctan2(dy[..., 0], dx[..., 0])
    bins = ((angle / (2 * np.pi) + 1) * ORIENTATIONS).astype(int) % ORIENTATIONS
    return magnitude, bins


def describe(lab, labels, magnitude, orientation) -> tuple[Nodes, Pairs]:
    m = int(labels.max()) + 1
    flat = labels.ravel()
    area = np.bincount(flat, minlength=m)
    colour = np.concatenate([_histogram(flat, (lab[..., c] // (256 // COLOUR_BINS)).ravel().astype(int), m, COLOUR_BINS)
                             for c in range(3)], axis=1)
    level = np.digitize(magnitude, (3, 10))
    texture = _histogram(flat, (orientation * 3 + level).ravel(), m, ORIENTATIONS * 3)
    rows, columns = np.indices(labels.shape).reshape(2, -1)
    box = np.full((m, 4), 1 << 20)
    np.minimum.at(box[:, 0], flat, columns)
    np.minimum.at(box[:, 1], flat, rows)
    box[:, 2:] = 0
    np.maximum.at(box[:, 2], flat, columns)
    np.maximum.at(box[:, 3], flat, rows)
    a = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    b = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    g = np.concatenate([np.maximum(magnitude[:, :-1], magnitude[:, 1:]).ravel(),
                        np.maximum(magnitude[:-1], magnitude[1:]).ravel()])
    change = a != b
    pairs = Pairs.unique(a[change], b[change], g[change], np.ones(change.sum()))
    frame = np.bincount(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]),
                        minlength=m)
    both = np.concatenate([pairs.a, pairs.b])
    edge = np.bincount(both, np.tile(pairs.edge, 2), m)
    border = np.bincount(both, np.tile(pairs.border, 2), m)
    return Nodes(area, box, colour, texture, edge, border, frame, np.eye(m, dtype=bool)), pairs


def _histogram(flat, bins, m, count):
    return np.bincount(flat * count + bins, minlength=m * count).reshape(m, count).astype(np.float32)


def similarity(nodes: Nodes, pairs: Pairs, pixels: int, weights) -> np.ndarray:
    a, b = pairs.a, pairs.b
    area_a, area_b = nodes.area[a], nodes.area[b]
    w_colour, w_texture, w_size, w_fill, w_edge = weights
    s = np.zeros(len(a))
    if w_colour:
        s += w_colour * np.minimum(nodes.colour[a] / (3 * area_a[:, None]), nodes.colour[b] / (3 * area_b[:, None])).sum(1)
    if w_texture:
        s += w_texture * np.minimum(nodes.texture[a] / area_a[:, None], nodes.texture[b] / area_b[:, None]).sum(1)
    size = (area_a + area_b) / pixels
    if w_size:
        s += w_size * (1 - size)
    if w_fill:
        low = np.minimum(nodes.box[a, :2], nodes.box[b, :2])
        high = np.maximum(nodes.box[a, 2:], nodes.box[b, 2:])
        s += w_fill * (1 - (high - low + 1).prod(1) / pixels + size)
    if w_edge:
        s -= w_edge * pairs.edge / pairs.border / 20
    return s


def merge(nodes: Nodes, pairs: Pairs, pixels: int, weights, quantile=0.5) -> Nodes:
    """Merge until one node is left; all nodes on the way stay."""
    while len(pairs.a):
        s = similarity(nodes, pairs, pixels, weights)
        rank = np.empty(len(s), int)
        rank[np.argsort(s, kind='stable')] = np.arange(len(s))
        best = np.full(len(nodes), -1)
        np.maximum.at(best, pairs.a, rank)
        np.maximum.at(best, pairs.b, rank)
        mutual = (rank == best[pairs.a]) & (rank == best[pairs.b])
        if quantile:
            mutual &= s >= np.quantile(s[mutual], quantile)
        a, b = pairs.a[mutual], pairs.b[mutual]
        n = len(nodes)
        nodes.append(a, b, pairs.edge[mutual], pairs.border[mutual])
        to = np.arange(n)
        to[a] = to[b] = n + np.arange(len(a))
        pairs = Pairs.unique(to[pairs.a], to[pairs.b], pairs.edge, pairs.border)
    return nodes
