from __future__ import annotations
from dataclasses import dataclass
import cv2, numpy as np
from skimage.segmentation import felzenszwalb
from . import segmentation as S

CFG = dict(size=128, segs=((50, 15),(100,20)), strategies=((1,1,1,1,0),(0,1,1,1,0)), nms=.75, quantile=.5)

@dataclass(frozen=True)
class Regions:
    boxes: np.ndarray
    scores: np.ndarray
    segments: np.ndarray
    shape: tuple

    def __len__(self):
        return len(self.scores)

    @property
    def masks(self):
        H, W = self.shape
        h, w = self.segments.shape[1:]
        rows = (2 * np.arange(H) + 1) * h // (2 * H)
        columns = (2 * np.arange(W) + 1) * w // (2 * W)
        return self.segments[:, rows[:, None], columns]


def candidates(image, c):
    H, W = image.shape[:2]
    f = min(1, c['size'] / max(H, W))
    h, w = max(1, round(H * f)), max(1, round(W * f))
    small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB)
    mag, ori = S.gradients(lab)
    out = []
    for scale, ms in c['segs']:
        labels = felzenszwalb(lab, scale=scale, sigma=.6, min_size=ms)
        if labels.max() == 0:
            continue
        for strat in c['strategies']:
            nodes, pairs = S.describe(lab, labels, mag, ori)
            nodes = S.merge(nodes, pairs, h * w, strat, c['quantile'])
            out.append((labels, nodes))
    return out, (h, w)

def nms(boxes, order, thr, count):
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    keep = []
    alive = np.ones(len(boxes), bool)
    for i in order:
        if not alive[i]: continue
        keep.append(i)
        if len(keep) == count: break
        lt = np.maximum(boxes[:, :2], boxes[i, :2]); rb = np.minimum(boxes[:, 2:], boxes[i, 2:])
        inter = np.maximum(rb - lt, 0).prod(1)
        alive &= inter <= thr * (areas + areas[i] - inter)
    return np.array(keep, int)

def discover_regions(image, **kw):
    c = dict(CFG, **kw)
    H, W = image.shape[:2]
    out, (h, w) = candidates(image, c)
    count = c.get('max_regions', 100)
    boxes = np.concatenate([np.zeros((0, 4))] + [n.box for _, n in out]); 
    if not len(boxes):
        return Regions(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, h, w), bool), (H, W))
    boxes[:, 2:] += 1
    cat = lambda k: np.concatenate([getattr(n, k) for _, n in out])
    area, edge, border = cat('area'), cat('edge'), cat('border')
    side = boxes[:, 2:] - boxes[:, :2]
    score = edge / np.maximum(border, 1) * area / side.prod(1)
    ok = (side.min(1) >= 4) & (side.max(1) <= 4 * side.min(1)) & (area <= .5 * h * w)
    order = np.argsort(-score, kind='stable'); order = order[ok[order]]
    keep = nms(boxes, order, c['nms'], count)
    src = np.concatenate([np.full(len(n), i) for i, (_, n) in enumerate(out)])
    first = np.concatenate([[0], np.cumsum([len(n) for _, n in out])])
    segs = np.stack([out[src[k]][1].leaves[k - first[src[k]]][out[src[k]][0]] for k in keep]) if len(keep) else np.zeros((0, h, w), bool)
    b = (boxes[keep] * np.array([W / w, H / h, W / w, H / h])).astype(np.float32)
    return Regions(b, score[keep].astype(np.float32), segs, (H, W))
