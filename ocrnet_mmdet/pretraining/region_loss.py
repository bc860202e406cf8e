"""The region vectors' losses L_unsup: vectors towards the teacher's, and their variance and
covariance.

Shape shorthand: N regions of a batch, D a region vector's length.
Naming convention: ``e`` is a region's squared residual, the mean over D; ``s`` its bounded
log-variance, log sigma^2. What ends in *of all* sums over all processes: each has to call it, in
the same order, those without a region too.
"""

import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch import distributed as dist

from ..errors import InputError, require


def squared_residual(prediction: Tensor, target: Tensor) -> Tensor:
    """e (N,): mean over D of (prediction - LN(target))^2, both (N, D); 1 for a prediction of zeros.

    The target is normalised (LayerNorm without affine) and takes no gradient: its scale is then not
    a way to a smaller loss. The prediction is not normalised: the predictor's last layer is linear
    and can take the target's scale, and a prediction shorter than its target is the honest answer
    for a region it cannot tell (the mean of what it may be), which a normalised one could not give.
    """
    target = F.layer_norm(target.detach(), target.shape[-1:])
    return (prediction - target).square().mean(dim=-1)


def bounded(log_variance: Tensor, bound: float) -> Tensor:
    """s = bound tanh(log_variance / bound): the identity near 0, never outside (-bound, bound)."""
    return bound * torch.tanh(log_variance / bound)


def beta_nll(e: Tensor, s: Tensor, beta: float) -> Tensor:
    """Gaussian negative log-likelihood per dimension, weighted by sg(sigma^2)^beta; (N,) each.

    Seitzer et al., On the Pitfalls of Heteroscedastic Uncertainty Estimation with Probabilistic
    Neural Networks, ICLR 2022. beta = 0 is the likelihood, which lets go of regions it fits badly
    (their gradient falls as 1 / sigma^2); beta = 1 gives the prediction the plain MSE's gradient.
    """
    return s.detach().mul(beta).exp() * 0.5 * (e * torch.exp(-s) + s)


def literal(vectors: Tensor) -> Tensor:
    """The article's formula as it stands: mean over N of ||v_i - mu||^2 + log sigma, a scalar.

    mu (D,) is the vectors' own mean and sigma their own variance (mean over D), so the loss falls
    without end as the vectors become equal. A study object: it shows why the others have a teacher.
    The floor under sigma keeps it finite after the collapse, so that the monitor speaks, not a NaN.
    """
    if not len(vectors):
        return vectors.sum()
    residual = (vectors - vectors.mean(dim=0)).square()
    return residual.sum(dim=-1).mean() + (residual.mean() + 1e-12).log()


def sum_of_all(local: Tensor) -> Tensor:
    """The sum of a tensor over all processes; itself where there is one.

    A loss that every process computes from such sums has the same derivative with respect to them
    everywhere, so the backward pass needs no exchange: each process sends its share back times
    their number, which DDP's averaging of the gradients takes out again. (torch's differentiable
    all_reduce gives the same gradient by a second exchange, and is deprecated.)
    """
    if get_world_size() == 1:
        return local
    total = local.detach().clone()
    dist.all_reduce(total)
    mine = local * get_world_size()
    return total + (mine - mine.detach())  # the value of the one, the gradient of the other


def rows_of_all(rows: Tensor) -> Tensor:
    """Rows of all processes together, float32 scalar."""
    return sum_of_all(torch.tensor(float(len(rows)), device=rows.device)).detach()


def covariance_of_all(vectors: Tensor) -> Tensor:
    """The unbiased covariance (D, D) of all processes' vectors (N, D); zeros below two of them."""
    count = rows_of_all(vectors)
    # the mean takes no gradient: its own through the squares is zero
    centred = vectors - sum_of_all(vectors.detach().sum(dim=0)) / count.clamp(min=1)
    return sum_of_all(centred.T @ centred) / (count - 1).clamp(min=1)


def variance_covariance(vectors: Tensor, gamma: float = 1.0) -> tuple[Tensor, Tensor]:
    """VICReg's two terms (Bardes et al. 2022, section 4.1), over all processes' regions.

    Args:
        vectors: (N, D), not normalised.
        gamma: Standard deviation that every dimension should have at least.

    Returns:
        The variance loss, mean over D of max(0, gamma - std), in [0, gamma]; the covariance loss,
        the squared covariances off the diagonal, summed and divided by D. With fewer than two
        regions in all there is nothing to keep apart: both are zero, with a gradient of zeros.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors = vectors.float()
        covariance = covariance_of_all(vectors)
        variance = covariance.diagonal()
        hinge = F.relu(gamma - (variance + 1e-4).sqrt()).mean()  # VICReg's epsilon
        hinge = hinge * (rows_of_all(vectors) > 1)
        off_diagonal = covariance - variance.diag()
        return hinge, off_diagonal.square().sum() / len(covariance)


class OCRNetRegionLoss(nn.Module):
    """The vectors' term: the student's vector of a region against the teacher's of the same region.

    Args:
        form: ``beta_nll``: a log-variance per region. ``mse``: the same at sigma = 1, the article's
            plain step (with the factor 1/2 of the likelihood, so the two agree at s = 0).
            ``literal``: see :func:`literal`; reads the prediction alone, and collapses.
        beta: See :func:`beta_nll`.
        max_log_variance: Bound of s; at 3 a variance is at most 20 times more or less than 1.
    """

    def __init__(
        self, form: str = 'beta_nll', beta: float = 0.5, max_log_variance: float = 3.0
    ) -> None:
        super().__init__()
        if form not in ('beta_nll', 'mse', 'literal'):
            raise InputError(
                f"OCRNetRegionLoss has no form={form!r}: take 'beta_nll', 'mse' or 'literal'"
            )
        self.form = form
        self.beta = require('region_loss.beta', beta, low=0, high=1)
        self.max_log_variance = require('region_loss.max_log_variance', max_log_variance, above=0)

    def extra_repr(self) -> str:
        return f'form={self.form}, beta={self.beta:g}, max_log_variance={self.max_log_variance:g}'

    def forward(self, prediction: Tensor, target: Tensor, log_variance: Tensor | None) -> Tensor:
        """A scalar, float32; zero with a gradient of zeros where N is 0.

        Args:
            prediction: (N, D) from the student's predictor.
            target: (N, D) from the teacher; takes no gradient.
            log_variance: (N,) any real number, before the bound; None is sigma = 1. A schedule that
                holds sigma at 1 for a while multiplies it by 0, so that DDP finds its layer used.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            prediction, target = prediction.float(), target.float()
            s = (
                torch.zeros_like(prediction[:, 0])
                if log_variance is None
                else bounded(log_variance.float(), self.max_log_variance)
            )
            if self.form != 'beta_nll':
                s = s * 0  # DDP wants a gradient for its layer all the same
            if self.form == 'literal':
                return literal(prediction) + s.sum()
            losses = beta_nll(squared_residual(prediction, target), s, self.beta)
            # rows per process: after DDP's average over the processes the mean over all regions
            rows = rows_of_all(losses).clamp(min=1) / get_world_size()
            return losses.sum() / rows
