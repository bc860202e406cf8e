"""Every picture once an epoch over all processes; a resumed run goes on as if never stopped."""

from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ocrnet_mmdet.datasets import OCRNetImageFolder, OCRNetVariationSampler, variation_sampler
from ocrnet_mmdet.errors import InputError


def folder(path, count):
    path.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        (path / f'{i:04d}.jpg').write_bytes(b'')
    return str(path)


def sampler(data, monkeypatch=None, rank=0, world=1, **options):
    if monkeypatch:
        monkeypatch.setattr(variation_sampler, 'get_dist_info', lambda: (rank, world))
    return OCRNetVariationSampler(data, **options)


def test_a_dataset_with_an_order_of_its_own_is_refused():
    with pytest.raises(InputError, match='the dataset is list: set train_dataloader.sampler=None'):
        OCRNetVariationSampler([1, 2])


@pytest.mark.parametrize('n', [1, 2, 7, 50])
def test_an_epoch_is_every_picture_in_that_epochs_variation(tmp_path, n):
    data = OCRNetImageFolder(folder(tmp_path, n))
    drawn = np.array(list(islice(sampler(data), 4 * n))).reshape(4, n)
    for epoch, indices in enumerate(drawn):
        assert sorted(indices) == list(range(epoch * n, (epoch + 1) * n))
    if n == 50:
        orders = {tuple(indices % n) for indices in drawn} | {tuple(range(n))}
        assert len(orders) == 5
    plain = list(islice(sampler(data, shuffle=False), 3 * n))
    assert plain == list(range(3 * n))


@pytest.mark.parametrize('n,world', [(7, 2), (3, 4), (1, 3), (12, 3)])
def test_processes_share_each_epoch_out(tmp_path, monkeypatch, n, world):
    data = OCRNetImageFolder(folder(tmp_path, n))
    alone = list(islice(sampler(data), n * world * 2))
    ranks = [list(islice(sampler(data, monkeypatch, rank, world), n * 2)) for rank in range(world)]
    assert [index for step in zip(*ranks) for index in step] == alone


@pytest.mark.parametrize('rank,world', [(0, 1), (1, 3)])
def test_skipping_is_drawing_and_forgetting(tmp_path, monkeypatch, rank, world):
    data = OCRNetImageFolder([(folder(tmp_path / 'a', 5), 1), (folder(tmp_path / 'b', 9), 2)])
    drawn = list(islice(sampler(data, monkeypatch, rank, world), 120))
    for skipped in (0, 1, 13, 14, 15, 99):
        late = sampler(data, monkeypatch, rank, world)
        late.skip(skipped)
        assert list(islice(late, 20)) == drawn[skipped : skipped + 20]
    with pytest.raises(ValueError, match='num_samples is -1'):
        late.skip(-1)


def test_the_order_is_the_datasets_seeds_and_not_the_runners(tmp_path):
    data = [OCRNetImageFolder(folder(tmp_path, 50), seed=seed) for seed in (0, 0, 1)]
    first, same, other = [list(islice(sampler(d, seed=i), 50)) for i, d in enumerate(data)]
    assert first == same != other


def test_weights_are_shares_of_the_draws(tmp_path):
    data = OCRNetImageFolder([(folder(tmp_path / 'few', 4), 3), (folder(tmp_path / 'many', 36), 1)])
    draw = sampler(data)
    drawn = np.array(list(islice(draw, 36 * draw.epoch_length)))
    pictures = drawn % len(data)
    assert len(set(drawn)) == len(drawn)
    assert np.mean(pictures < 4) == 0.75
    counts = np.bincount(pictures, minlength=40)
    assert np.ptp(counts[:4]) <= 1 and np.ptp(counts[4:]) <= 1
    assert max(drawn // len(data)) == max(counts) - 1  # each picture's variations: 0, 1, 2, ...
    mixed = pictures[: draw.epoch_length] < 4
    assert mixed[:20].any() and not mixed[:20].all()


class Remember(BaseModel):
    """Remembers the pictures of its steps and, in its weight, their order."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, seed, mode, **_):
        self.seen += [index for _, index in seed]
        return dict(loss=self.weight * sum(self.seen[-2:]))


def train(root, work_dir, steps, workers, **options):
    """The pictures of a training of the Runner, whose own seed differs from run to run."""
    loader = dict(
        batch_size=2,
        num_workers=workers,
        sampler=dict(type='OCRNetVariationSampler'),
        dataset=dict(type='OCRNetImageFolder', data_root=root),
    )
    model = Remember()
    runner = Runner(
        model,
        str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=steps),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        default_scope='mmdet',
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4)),
        experiment_name=f'{work_dir.name}{steps}{options}',
        **options,
    )
    runner.train()
    del runner.train_loop.dataloader_iterator  # the garbage collector waits 5 s for each worker
    return model


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resumed_training_goes_on_as_if_it_had_not_stopped(tmp_path, workers):
    root = folder(tmp_path / 'data', 5)
    whole = train(root, tmp_path / 'whole', 12, workers)
    first = train(root, tmp_path / 'parts', 8, workers)
    second = train(root, tmp_path / 'parts', 12, workers, resume=True)
    assert first.seen + second.seen == whole.seen and len(whole.seen) == 24
    assert second.weight == whole.weight


def test_reading_the_loader_forward_is_as_exact(tmp_path):
    """The older mmengine's way of resuming."""
    data = OCRNetImageFolder(folder(tmp_path, 5))
    loaders = [
        iter(
            DataLoader(
                data, 2, sampler=OCRNetVariationSampler(data), num_workers=workers, collate_fn=list
            )
        )
        for workers in (0, 2)
    ]
    for _ in range(9):
        one, two = map(next, loaders)
        assert one == two
