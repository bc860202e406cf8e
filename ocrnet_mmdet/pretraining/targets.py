"""Which regions of two views are read, which of them are the same, and what no region covers.

Shape shorthand: R regions and M proposals of one view, N regions read of a batch. Boxes are xyxy in
pixels of a view.
Naming convention: *ids* name an image's regions, the same in both views.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .views import ViewMap

NEAR = (
    0.2  # IoU of a proposal and a region; with 0.5, near misses took 30 % of robosoccer's positives
)
SAME_IOU = 0.5  # of a region in one view and, brought there, one of the other


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(M, R) IoU of boxes (M, 4) and (R, 4)."""
    low, high = torch.max(a[:, None, :2], b[:, :2]), torch.min(a[:, None, 2:], b[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (a, b))
    return common / (area_a[:, None] + area_b - common).clamp(min=1e-12)


def choose_regions(first: Tensor, second: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Positions of up to ``count`` regions of each of an image's two views, drawn at random.

    The same regions of both, as far as both show them; what is left is filled with their others.

    Args:
        first: (R1,) ids of the regions in one view.
        second: (R2,) of the other.
    """
    ids = torch.cat([first, second])
    top = int(ids.max()) + 1 if len(ids) else 0
    order = torch.rand(top, device=ids.device)
    seen = torch.bincount(ids, minlength=top)
    order = order + (seen < 2)
    return tuple(order[view].argsort()[:count] for view in (first, second))


def same_in_other_view(views: Tensor, ids: Tensor, images: int) -> tuple[Tensor, Tensor]:
    """Positions (P,) of the regions that an image's other view shows too, and (P,) of those there.

    Args:
        views: (N,) number of each region's view: every image's first, then every image's second.
        ids: (N,) of the regions.
        images: How many there are.
    """
    image = views % images
    same = (image[:, None] == image) & (ids[:, None] == ids) & (views[:, None] != views)
    return same.nonzero(as_tuple=True)


def uncovered(proposals: Tensor, scores: Tensor, regions: Tensor, min_score: float) -> Tensor:
    """Confident proposals that no region covers: those of (M, 4) with IoU < ``NEAR`` to all of (R,
    4).

    Nobody said that they are no objects, so no loss should (DropLoss of Wang et al., CutLER, 2023,
    section 3.3, drops such predictions). One that lies nearer to a region is a wrong box of it, of
    which the loss should say so.

    Args:
        scores: (M,) of the proposals.
        min_score: Least of a confident one.
    """
    confident = proposals[scores >= min_score]
    if not len(regions) or not len(confident):
        return confident
    return confident[pairwise_iou(confident, regions).amax(1) < NEAR]


def common_ids(
    first: Tensor, second: Tensor, first_map: ViewMap, second_map: ViewMap, shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Ids for the regions of an image's two views, (R1,) and (R2,), alike for one that both show.

    Args:
        first: (R1, 4) boxes in the first view.
        second: (R2, 4) in the second.
        shape: (S, S) of the views.
    """
    ids = torch.arange(len(first), device=first.device)
    others = len(first) + torch.arange(len(second), device=first.device)
    if len(first) and len(second):
        moved = second_map.after(first_map.inverse()).boxes(first.cpu().numpy()).clip(0, shape[0])
        overlap = pairwise_iou(torch.from_numpy(moved).to(second), second)
        best, partner = overlap.max(0)
        mutual = (best >= SAME_IOU) & (
            overlap.argmax(1)[partner] == torch.arange(len(second), device=second.device)
        )
        others = torch.where(mutual, ids[partner], others)
    return ids, others
