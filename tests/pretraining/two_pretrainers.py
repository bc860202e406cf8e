"""In two processes: four steps of the pretrainer, on discovered and on own regions.

The second and the fourth are without any region in the other process. Student and teacher.
"""

import torch
from mmengine.config import ConfigDict
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from tests.detectors import view_batch
from tests.pretraining.test_pretrainer import DETECTORS, pretrainer, total
from tests.two_processes import join

COUNTS = (((5, 4), (3, 6)), ((0, 0), (0, 0)))  # of regions in the two views of two pictures


def run(name: str, rank: int) -> dict:
    weights = {} if name != 'faster_rcnn' else dict(masks=0.0)
    model = pretrainer(DETECTORS[name](), weights=weights, min_score=0.0)
    model.terms['vectors'].sigma_share = 1.0
    model.keep_finder()
    parallel = MMDistributedDataParallel(model, find_unused_parameters=False)
    optimiser = build_optim_wrapper(parallel, ConfigDict(optimizer=dict(type='SGD', lr=0.01)))
    for step in range(4):
        model.own_regions = step >= 2
        if step == 3 and rank == 1:
            model.min_score = 2.0
        torch.manual_seed(10 * step + rank)
        counts = COUNTS[0 if rank == 0 else step % 2]
        optimiser.update_params(total(parallel(**view_batch(model, counts), mode='loss')))
        model.update_teacher(0.9)
    return model.state_dict()


def compute(rank: int) -> dict[str, dict]:
    init_default_scope('mmdet')
    return {name: run(name, rank) for name in DETECTORS}


if __name__ == '__main__':
    join(compute)
