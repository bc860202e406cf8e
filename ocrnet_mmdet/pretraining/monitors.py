"""What the region vectors, proposals and losses of a label-free training look like, and alarms.

Shape shorthand: N regions of a batch, D a region vector's length; M proposals, R regions of an
image.
The measures are functions of detached tensors and give a scalar tensor (no exchange with the
device until it is read), NaN where there are too few rows to tell. The alarms are plain Python.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import require
from .targets import pairwise_iou


def _too_few(vectors: Tensor) -> Tensor:
    return vectors.new_tensor(math.nan, dtype=torch.float32)


def spread(vectors: Tensor) -> Tensor:
    """Mean per-dimension standard deviation of the unit vectors, times sqrt(D).

    1 where they point everywhere alike, 0 where all point one way. Healthy 0.3 to 1; below 0.1
    collapsed (SimSiam, Chen and He 2021, figure 2, reports it without the factor).

    Args:
        vectors: (N, D).
    """
    vectors = F.normalize(vectors.detach().float(), dim=1)
    return vectors.std(dim=0).mean() * math.sqrt(vectors.shape[1])


def effective_rank(vectors: Tensor) -> Tensor:
    """RankMe: exp of the entropy of the singular values' shares, in [1, min(N, D)].

    Garrido et al. 2023 (RankMe), on the matrix as it is: centred, vectors that are all but
    equal would show the full rank of their noise.

    Args:
        vectors: (N, D).
    """
    vectors = vectors.detach().float()
    if not len(vectors) or not vectors.isfinite().all():
        return _too_few(vectors)
    values = torch.linalg.svdvals(vectors)
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    return torch.special.entr(shares).sum().exp()


def rank_share(vectors: Tensor) -> Tensor:
    """Effective rank on a scale from 0, one direction, to 1, the most of N vectors of length D.

    Healthy above 0.05 and rising; below 0.02 collapsed. (rank - 1) / (min(N, D) - 1) rather than
    rank / D: of 64 vectors of length 256 the rank is 64 at most, and it is 1 at least, which would
    be a tenth of ten.

    Args:
        vectors: (N, D).
    """
    most = min(vectors.shape)
    if most < 2:
        return _too_few(vectors)
    return (effective_rank(vectors) - 1) / (most - 1)


def alignment(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared distance of unit vectors of the same regions in two views, in [0, 4].

    Wang and Isola 2020 (L_align, alpha = 2). Unrelated vectors have 2; healthy is falling from
    there while :func:`uniformity` stays low; 0 with a uniformity of 0 is collapse.

    Args:
        a, b: (N, D) each.
    """
    a, b = (F.normalize(v.detach().float(), dim=1) for v in (a, b))
    return (a - b).square().sum(dim=1).mean()


def uniformity(vectors: Tensor) -> Tensor:
    """Logarithm of the mean over pairs of exp(-2 distance^2) of the unit vectors, in [-8, 0].

    Wang and Isola 2020 (L_uniform, t = 2). 0 is collapse; vectors that point everywhere alike come
    to -4 in many dimensions. Healthy is falling, below -1 after some 100 steps. It does not see a
    collapse of some dimensions: the rank does.

    Args:
        vectors: (N, D).
    """
    vectors = F.normalize(vectors.detach().float(), dim=1)
    return torch.pdist(vectors).square().mul(-2).exp().mean().log()


def _ranks(values: Tensor) -> Tensor:
    """(N,) rank of each value, equal ones share the mean of theirs."""
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2)[inverse]


def variance_calibration(log_variance: Tensor, residual: Tensor) -> Tensor:
    """Spearman's rank correlation of predicted log-variance and residual, in [-1, 1].

    Healthy above 0.3: the regions that are said to be uncertain are the ones that are missed. 0
    where either is constant (a log-variance pinned at its bound tells nothing).

    Args:
        log_variance: (N,).
        residual: (N,), squared or its logarithm, which has the same ranks.
    """
    if len(residual) < 2:
        return _too_few(residual)
    a, b = (_ranks(v.detach().float()) for v in (log_variance, residual))
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12)


def _share_of_nearest(vectors: Tensor, wanted: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """Share of vectors whose nearest allowed one (by angle) is a wanted one, and chance's.

    Vectors (N, D) without an allowed one are left out; both masks are (N, N) bool.
    """
    rows = allowed.any(dim=1)
    if not rows.any():
        return _too_few(vectors), _too_few(vectors)
    vectors = F.normalize(vectors.detach().float(), dim=1)
    nearest = (vectors @ vectors.T).masked_fill(~allowed, -torch.inf).argmax(dim=1, keepdim=True)
    chance = (wanted & allowed).sum(dim=1)[rows] / allowed.sum(dim=1)[rows]
    return wanted.gather(1, nearest)[rows].float().mean(), chance.mean()


def same_image_share(vectors: Tensor, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Share of regions whose nearest other region lies in the same image, and chance's.

    A region's own copy in the other view is no other region. Healthy is falling towards chance;
    near 1 the vectors tell the image, not the region.

    Args:
        vectors: (N, D).
        images: (N,) integers, one value an image.
        ids: (N,) integers, alike for a region of an image in both of its views.

    Returns:
        The share, and the share that vectors without any meaning would have.
    """
    same = images[:, None] == images
    return _share_of_nearest(vectors, same, ~(same & (ids[:, None] == ids)))


def retrieval(vectors: Tensor, images: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Share of regions whose nearest vector is their own copy in the other view, and chance's.

    Of the regions that both views show. Healthy is rising, and far above chance; it stays below 1
    where an image's regions look alike.

    Args:
        vectors, images, ids: See :func:`same_image_share`.
    """
    others = ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    copies = (images[:, None] == images) & (ids[:, None] == ids) & others
    return _share_of_nearest(vectors, copies, others & copies.any(dim=1, keepdim=True))


def proposal_recall(proposals: list[Tensor], regions: list[Tensor], iou: float = 0.5) -> Tensor:
    """Share of all images' regions that one of the image's proposals covers with at least ``iou``.

    Healthy is rising; its scale depends on M (usually the best 100).

    Args:
        proposals: Per image (M, 4) xyxy, pixels of the frame of ``regions``.
        regions: Per image (R, 4) xyxy.
    """
    found = [(pairwise_iou(c.detach(), r) >= iou).any(dim=0) for c, r in zip(proposals, regions)]
    return torch.cat(found).float().mean()


def constant_bce(targets: Tensor) -> Tensor:
    """Binary cross-entropy of the best constant: the entropy of the fill, in nats, at most log 2.

    Args:
        targets: Any shape, in [0, 1].
    """
    fill = targets.detach().float().mean()
    return torch.special.entr(fill) + torch.special.entr(1 - fill)


class CollapseMonitor:
    """Says when the region vectors have been collapsed for too long.

    Args:
        min_spread: :func:`spread` below this is collapse. Sound runs of the narrow net came down to
            0.38 in their first 50 steps, of a net of 16 channels to 0.28; the literal form was at
            0.01 after 10 steps and at 0.001 after 30.
        min_rank_share: :func:`rank_share` below this is collapse. A tenth of D, the usual rule, is
            too near: sound runs of the narrow net came down to 0.07 to 0.12 in their steps 10 to 60
            and then rose, one of the literal form was below 0.03 at step 10 and below 0.002 at 30.
        patience: Steps without a healthy value before it is said: a new net's vectors often begin
            alike and part in the first steps.
    """

    def __init__(
        self, min_spread: float = 0.1, min_rank_share: float = 0.02, patience: int = 100
    ) -> None:
        self.floors = dict(
            spread=require('collapse.min_spread', min_spread, low=0),
            rank_share=require('collapse.min_rank_share', min_rank_share, low=0, high=1),
        )
        self.patience = require('collapse.patience', patience, int, low=1)
        self.since: dict[str, int] = {}  # measure -> first step of its present low

    def update(self, step: int, spread: float, rank_share: float) -> str | None:
        """The message of what collapsed, since when and what to do; None otherwise.

        NaN (too few regions in this step) leaves all as it was. Steps need not be consecutive.
        """
        values = dict(spread=spread, rank_share=rank_share)
        for name, value in values.items():
            if value >= self.floors[name]:
                self.since.pop(name, None)
            elif value < self.floors[name]:
                self.since.setdefault(name, step)
        lows = [
            f'{name} {values[name]:.3g} (below {self.floors[name]:g}) since step {first}'
            for name, first in self.since.items()
            if step - first >= self.patience
        ]
        if not lows:
            return None
        return (
            f'step {step}: the region vectors have collapsed, {" and ".join(lows)}: give the '
            'variance and covariance terms more weight, lower optim_wrapper.optimizer.lr, or '
            "leave form='literal' for 'beta_nll'"
        )

    def state_dict(self) -> dict:
        return dict(since=dict(self.since))

    def load_state_dict(self, state: dict) -> None:
        self.since = dict(state['since'])


class PlateauAlarm:
    """Says when a loss has stayed where a constant prediction would have it, as silent bugs do.

    Loss and constant level are smoothed, each by itself, over about ``window`` steps, however many
    of them are looked at.

    Args:
        name: What the message calls the loss, its key in the log.
        max_ratio: Smoothed loss over smoothed constant level; more is no better than a constant.
        patience: Steps of it before it is said. A detector whose RoI features were wrong stayed
            there for 500 steps.
        window: Steps of the smoothing.
    """

    def __init__(
        self, name: str, max_ratio: float = 0.97, patience: int = 300, window: int = 50
    ) -> None:
        self.name = name
        self.max_ratio = max_ratio
        self.patience = patience
        self.window = window
        self.step: int | None = None  # of the last update
        self.since: int | None = None  # when it came to the level where it is
        self.loss = self.constant = 0.0

    def update(self, step: int, loss: float, constant: float) -> str | None:
        """The message, or None.

        A step whose loss or constant is not finite, or whose constant is 0, is left out.

        Args:
            step: The step, not necessarily the one after the last.
            loss: This step's loss, unweighted.
            constant: What the best constant prediction would have had.
        """
        if not (math.isfinite(loss) and math.isfinite(constant) and constant > 0):
            return None
        old = math.exp(-(1 if self.step is None else step - self.step) / self.window)
        self.step = step  # from zero: loss and constant are too small alike, their ratio is right
        self.loss = old * self.loss + (1 - old) * loss
        self.constant = old * self.constant + (1 - old) * constant
        if self.loss <= self.max_ratio * self.constant:
            self.since = None
            return None
        self.since = step if self.since is None else self.since
        if step - self.since < self.patience:
            return None
        return (
            f'step {step}: {self.name} has been no better than a constant prediction since '
            f'step {self.since} ({self.loss:.3g}, a constant has {self.constant:.3g}): its '
            'head does not see what it should; check that its targets and features belong to '
            'the same regions, and optim_wrapper.optimizer.lr'
        )

    def ratio(self) -> float:
        """Smoothed loss over smoothed constant level, NaN before the first step."""
        return self.loss / self.constant if self.constant else math.nan

    def state_dict(self) -> dict:
        return dict(step=self.step, since=self.since, loss=self.loss, constant=self.constant)

    def load_state_dict(self, state: dict) -> None:
        self.step, self.since = state['step'], state['since']
        self.loss, self.constant = state['loss'], state['constant']
