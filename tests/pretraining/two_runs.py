"""In two processes, through a real Runner: a pretraining, and one whose literal loss collapses."""

import os
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from torch import distributed as dist

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining.term_weights import TERMS
from tests.pretraining.runs import make_config, start, write_pictures
from tests.two_processes import join

LITERAL = dict(
    weights=dict.fromkeys(TERMS, 0.0) | dict(vectors=0.1),
    region_loss=dict(type='OCRNetRegionLoss', form='literal'),
)


def config(out: Path, rank: int, name: str, steps: int, monitor: dict, **model) -> Config:
    # each rank has a folder of its own, to see which of them writes
    cfg = make_config(out / 'pictures', out / name / f'rank{rank}', steps, **model)
    cfg.train_dataloader.batch_size = 2
    cfg.default_hooks.checkpoint.update(interval=steps + 1, save_last=False)
    cfg.default_hooks.monitor.update(monitor)
    cfg.launcher = 'pytorch'
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None)
    return cfg


def compute(rank: int) -> dict:
    out = Path(sys.argv[2])
    os.environ['LOCAL_RANK'] = str(rank)
    if rank == 0:
        write_pictures(out / 'pictures', 8)
    dist.barrier()
    runner = start(config(out, rank, 'sound', 4, dict(interval=2)))
    assert is_model_wrapper(runner.model)
    teacher = runner.model.module.teacher.state_dict()
    try:
        start(
            config(
                out, rank, 'literal', 60, dict(interval=5, collapse=dict(patience=20)), **LITERAL
            )
        )
        said = ''
    except InputError as error:
        said = str(error)
    return dict(teacher=teacher, said=said)


if __name__ == '__main__':
    join(compute)
