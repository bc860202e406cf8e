"""Started by torchrun in two processes: four steps of the pretrainer, on discovered and on own regions, the
second and the fourth without any region in the other process; saves student and teacher."""
import sys
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.config import ConfigDict
from mmengine.dist import get_rank
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from tests.detectors import view_batch
from tests.pretraining.test_pretrainer import DETECTORS, pretrainer, total

COUNTS = (((5, 4), (3, 6)), ((0, 0), (0, 0)))  # of regions in the two views of two pictures


def run(name: str) -> dict:
    weights = {} if name != 'faster_rcnn' else dict(masks=0.0)
    model = pretrainer(DETECTORS[name](), weights=weights, min_score=0.0)
    model.sigma_share = 1.0
    model.keep_finder()
    parallel = MMDistributedDataParallel(model, find_unused_parameters=False)
    optimiser = build_optim_wrapper(parallel, ConfigDict(optimizer=dict(type='SGD', lr=0.01)))
    for step in range(4):
        model.own_regions = step >= 2
        if step == 3 and get_rank() == 1:
            model.min_score = 2.0
        torch.manual_seed(10 * step + get_rank())
        counts = COUNTS[0 if get_rank() == 0 else step % 2]
        optimiser.update_params(total(parallel(**view_batch(model, counts), mode='loss')))
        model.update_teacher(0.9)
    return model.state_dict()


def main(out: Path) -> None:
    # one that waits for the other for ever is to end by itself
    torch.distributed.init_process_group('gloo', timeout=timedelta(minutes=2))
    init_default_scope('mmdet')
    torch.save({name: run(name) for name in DETECTORS},
               out / f'rank{get_rank()}.pth')
    torch.distributed.barrier()  # a process that leaves while the other still works aborts it
    torch.distributed.destroy_process_group()


if __name__ == '__main__':
    main(Path(sys.argv[1]))
