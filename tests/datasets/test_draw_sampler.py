import pickle
from itertools import islice

import numpy as np
import pytest
from mmdet.registry import DATA_SAMPLERS, TRANSFORMS
from mmengine.dataset import BaseDataset, InfiniteSampler
from mmengine.runner import Runner

from ocrnet_mmdet.datasets.draw_sampler import Draw


class Numbers(BaseDataset):
    """Each picture is two random numbers and its index."""

    def load_data_list(self) -> list:
        return [dict() for _ in range(5)]


def drawn(results: dict) -> list:
    return [int(results['sample_idx']), np.random.rand(), np.random.rand()]


def batches(workers: int, skip: int = 0, count: int = 6) -> list:
    dataset = Numbers(pipeline=[TRANSFORMS.build(dict(type='OCRNetSeedDraw')), drawn])
    loader = Runner.build_dataloader(
        dict(
            dataset=dataset,
            batch_size=2,
            num_workers=workers,
            sampler=dict(type='OCRNetDrawSampler'),
        ),
        seed=3,
    )
    loader.sampler.skip(2 * skip)
    return list(islice(loader, count))


def test_a_draw_is_the_same_with_any_workers_and_after_a_stop():
    whole = batches(0)
    assert batches(2) == whole and batches(2, skip=4, count=2) == whole[4:]
    numbers = [number for _, *draws in whole for values in draws for number in values]
    assert len(set(numbers)) == len(numbers)


def test_the_order_is_mmengines():
    dataset = Numbers()
    ours = DATA_SAMPLERS.build(dict(type='OCRNetDrawSampler', dataset=dataset, seed=3))
    assert list(islice(ours, 12)) == list(islice(InfiniteSampler(dataset, seed=3), 12))


def test_another_seed_draws_other_numbers():
    dataset = Numbers()
    first, second = (
        {
            draw.seed
            for draw in islice(
                DATA_SAMPLERS.build(dict(type='OCRNetDrawSampler', dataset=dataset, seed=seed)), 9
            )
        }
        for seed in (3, 4)
    )
    assert first.isdisjoint(second)


def test_a_draw_reaches_a_worker_with_its_seed():
    draw = pickle.loads(pickle.dumps(Draw(4, 17)))
    assert draw == 4 and draw.seed == 17


def test_other_samplers_leave_the_generators_alone():
    step = TRANSFORMS.build(dict(type='OCRNetSeedDraw'))
    np.random.seed(0)
    step(dict(sample_idx=3))
    after = np.random.rand()
    np.random.seed(0)
    assert after == np.random.rand()


def test_a_skip_backwards_is_refused():
    sampler = DATA_SAMPLERS.build(dict(type='OCRNetDrawSampler', dataset=Numbers(), seed=3))
    with pytest.raises(ValueError, match='expected 0 or more'):
        sampler.skip(-1)
