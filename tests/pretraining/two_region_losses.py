"""In two processes: the vectors', variance and covariance losses of each one's share of the
regions.
"""

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ocrnet_mmdet.pretraining.region_loss import OCRNetRegionLoss, variance_covariance
from tests.two_processes import join

SHARES = ((5, 5), (7, 3), (10, 0), (0, 10), (1, 0), (0, 0))


def regions(count: int) -> tuple[Tensor, Tensor]:
    """Inputs (count, 6) far from zero, and targets (count, 5)."""
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(count, 6, generator=generator) + 30,
        torch.randn(count, 5, generator=generator),
    )


def terms(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """(3,): the vectors' loss, variance and covariance."""
    out = model(inputs)
    loss = OCRNetRegionLoss()(out[:, :5], targets, out[:, 5])
    return torch.stack([loss, *variance_covariance(out[:, :5], gamma=20.0)])


def new_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(6, 6)


def weighted(values: Tensor) -> Tensor:
    return (values * torch.tensor([1.0, 1.0, 0.04])).sum()


def compute(rank: int) -> list[dict]:
    results = []
    for first, second in SHARES:
        model = DistributedDataParallel(new_model())
        mine = slice(0, first) if rank == 0 else slice(first, None)
        values = terms(model, *(part[mine] for part in regions(first + second)))
        weighted(values).backward()
        results.append(dict(terms=values.detach(), gradient=model.module.weight.grad))
    return results


if __name__ == '__main__':
    join(compute)
