"""In two processes: the loss of each one's picture, then two steps."""

import torch
from mmengine.config import ConfigDict
from mmengine.dist import all_reduce
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from tests.detectors import data_batch, ocrnet_config, tiny
from tests.two_processes import join


def without_chance():
    """The tiny detector on which a joint batch and two halves must agree: every candidate is a
    sample, and every picture has as many, so the means over samples weigh alike."""
    config = ocrnet_config()
    config.roi_head.mask_head = None
    config.train_cfg.rcnn.sampler.update(type='RandomSampler', num=1000, pos_fraction=1.0)
    config.train_cfg.rpn_proposal.update(max_per_img=20, nms_pre=20)
    return tiny(config)


def pictures(model) -> dict:
    return data_batch(model, with_mask=False, num_items=[3, 3])


def one_picture(batch: dict, index: int) -> dict:
    return dict(
        inputs=batch['inputs'][index : index + 1],
        data_samples=batch['data_samples'][index : index + 1],
    )


def total_loss(model, batch: dict) -> torch.Tensor:
    losses = model(**batch, mode='loss')
    return sum(value for name, value in losses.items() if 'loss' in name)


def compute(rank: int) -> dict:
    init_default_scope('mmdet')
    model = without_chance()
    batch = one_picture(pictures(model), rank)
    loss = total_loss(model, batch).detach()
    all_reduce(loss, op='mean')
    parallel = MMDistributedDataParallel(model)
    optimiser = build_optim_wrapper(
        parallel, ConfigDict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
    )
    for _ in range(2):
        optimiser.update_params(total_loss(parallel, batch))
    return dict(loss=loss, weights=model.state_dict())


if __name__ == '__main__':
    join(compute)
