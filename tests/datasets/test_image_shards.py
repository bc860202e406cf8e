"""Every picture of the shards once an epoch over all readers; damage is named and skipped."""

import shutil
import sys
import tarfile
from collections import Counter
from io import BytesIO
from itertools import islice

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ocrnet_mmdet.datasets import OCRNetImageShards, image_shards
from ocrnet_mmdet.errors import InputError

LOAD = dict(type='LoadImageFromFile', backend_args=dict(backend='ocrnet_pictures'))


@TRANSFORMS.register_module()
class ShardNumber(BaseTransform):
    """(epoch, grey value, drawn number) of a picture; the grey value is its number."""

    def transform(self, results):
        assert results['img_shape'] == results['ori_shape'] == (8, 8)
        drawn = np.random.default_rng(results['seed']).integers(2**31)
        return results['seed'][1], int(results['img'][0, 0, 0]), int(drawn)


@TRANSFORMS.register_module()
class AsInputs(BaseTransform):
    def transform(self, results):
        return dict(inputs=torch.tensor(results))


PIPELINE = [LOAD, dict(type='ShardNumber')]


def picture(number):
    return cv2.imencode('.bmp', np.full((8, 8, 3), number, np.uint8))[1].tobytes()


def write(folder, shards, each):
    """Shards with ``each`` pictures numbered on, a text beside every one."""
    folder.mkdir(exist_ok=True)
    for shard in range(shards):
        with tarfile.open(folder / f'set-{shard:03d}.tar', 'w') as tar:
            for number in range(shard * each, (shard + 1) * each):
                for name, content in (
                    (f'a.b/{number}.x.BMP', picture(number)),
                    (f'{number}.txt', b'x'),
                ):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, BytesIO(content))
    return str(folder)


@pytest.fixture(autouse=True)
def reader():
    pytest.importorskip('webdataset', reason='the extra [shards] is not installed')


@pytest.mark.parametrize('shards,each', [(8, 3), (4, 6), (5, 4), (2, 12), (1, 3)])
def test_workers_of_two_processes_share_an_epoch(tmp_path, monkeypatch, shards, each):
    root, seen = write(tmp_path, shards, each), []
    for rank in range(2):
        monkeypatch.setattr(image_shards, 'get_dist_info', lambda: (rank, 2))
        data = OCRNetImageShards(root, PIPELINE, shuffle_buffer=4)
        loader = iter(DataLoader(data, None, num_workers=2))
        seen += islice(loader, 10 * shards * each)  # far beyond two epochs of this process's share
    for epoch in range(2):
        numbers = Counter(number for e, number, _ in seen if e == epoch)
        assert numbers == {number: 1 for number in range(shards * each)}
    assert len({drawn for *_, drawn in seen}) == len(seen)


def test_the_order_follows_epoch_and_seed(tmp_path):
    def draw(seed):
        data = OCRNetImageShards(write(tmp_path, 3, 8), PIPELINE, seed=seed)
        return list(islice(data, 48))

    first = draw(0)
    assert draw(0) == first != draw(1)
    orders = [[number for e, number, _ in first if e == epoch] for epoch in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(24))
    assert len({*map(tuple, orders), tuple(range(24))}) == 3
    gaps = np.diff(orders[0])
    assert np.mean(gaps == 1) < 0.5  # the buffer mixes within a shard too


class Remember(BaseModel):
    """Remembers the pictures of its steps."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, inputs, mode, **_):
        self.seen += [tuple(numbers.tolist()) for numbers in inputs]
        return dict(loss=self.weight * 1)


def test_a_training_on_shards_resumes_where_it_stopped(tmp_path):
    def train(work_dir, steps, **options):
        dataset = dict(
            type='OCRNetImageShards',
            data_root=write(tmp_path, 2, 5),
            pipeline=[*PIPELINE, dict(type='AsInputs')],
        )
        runner = Runner(
            Remember(),
            str(tmp_path / work_dir),
            default_scope='mmdet',
            train_dataloader=dict(batch_size=2, num_workers=1, sampler=None, dataset=dataset),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=steps),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=3)),
            experiment_name=f'{tmp_path.name}{work_dir}{steps}',
            **options,
        )
        runner.train()
        del runner.train_loop.dataloader_iterator  # the garbage collector waits 5 s for a worker
        return runner.model.seen

    whole = train('whole', 9)
    assert train('parts', 6) + train('parts', 9, resume=True) == whole and len(whole) == 18


def test_a_truncated_shard_is_named_once(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(image_shards, 'print_log', lambda message, **_: said.append(message))
    root = write(tmp_path, 3, 4)
    cut = tmp_path / 'set-001.tar'
    cut.write_bytes(cut.read_bytes()[: 2 * 2048 + 600])  # in the third picture
    (tmp_path / 'set-002.tar').write_bytes(b'no tar' * 200)
    data = OCRNetImageShards(root, PIPELINE, bad_files=str(tmp_path / 'bad.txt'))
    seen = Counter((e, number) for e, number, _ in islice(data, 18))
    assert seen == {(e, number): 1 for e in range(3) for number in range(6)}
    assert sorted(line.split(' is damaged')[0] for line in said) == [
        str(cut),
        str(tmp_path / 'set-002.tar'),
    ]
    assert len((tmp_path / 'bad.txt').read_text().splitlines()) == 2


def test_an_unreadable_picture_is_named_and_left_out(tmp_path):
    with tarfile.open(tmp_path / 'a.tar', 'w') as tar:
        for name, content in (('1.jpg', picture(1)), ('2.jpg', picture(2)[:90]), ('3.png', b'')):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    data = OCRNetImageShards(str(tmp_path), PIPELINE, bad_files=str(tmp_path / 'bad.txt'))
    assert [number for _, number, _ in islice(data, 3)] == [1, 1, 1]
    named = {line.split('\t')[0] for line in (tmp_path / 'bad.txt').read_text().splitlines()}
    assert named == {f'{tmp_path}/a.tar/2.jpg', f'{tmp_path}/a.tar/3.png'}


@pytest.mark.parametrize('shards', [1, 3])
def test_shards_without_a_picture_are_no_endless_loop(tmp_path, shards):
    for shard in range(shards):
        tarfile.open(tmp_path / f'{shard}.tar', 'w').close()
    with pytest.raises(InputError, match='no picture in'):
        next(iter(OCRNetImageShards(str(tmp_path), PIPELINE)))


def test_patterns_and_lists_name_shards(tmp_path):
    root = write(tmp_path, 4, 1)
    names = [f'{root}/set-{i:03d}.tar' for i in range(4)]
    assert OCRNetImageShards(root).shards == OCRNetImageShards(f'{root}/*.tar').shards == names
    assert OCRNetImageShards(f'{root}/set-{{001..003}}.tar').shards == names[1:]
    assert OCRNetImageShards([names[2], f'{root}/set-000.tar']).shards == [names[2], names[0]]
    assert OCRNetImageShards('https://host/{00..11}.tar').shards[11] == 'https://host/11.tar'
    odd = tmp_path / 'set[1]' / 'a:b'
    odd.mkdir(parents=True)
    with pytest.raises(InputError, match='there is no shard .*a:b'):
        OCRNetImageShards(str(odd))
    shutil.copy(names[0], odd)
    assert OCRNetImageShards(str(odd)).shards == [f'{odd}/set-000.tar']
    with pytest.raises(InputError, match='there is no shard .*set-004.tar'):
        OCRNetImageShards(f'{root}/set-{{003..004}}.tar')
    with pytest.raises(InputError, match='there is no shard .*nothing'):
        OCRNetImageShards(f'{root}/nothing*.tar')


def test_the_fingerprint_does_not_depend_on_the_place(tmp_path):
    one, two = (OCRNetImageShards(write(tmp_path / place, 4, 1)) for place in 'ab')
    assert one.fingerprint() == two.fingerprint()
    assert one.fingerprint()['shards'] == 4
    with open(two.shards[0], 'ab') as shard:
        shard.write(bytes(512))
    assert one.fingerprint()['sha256'] != two.fingerprint()['sha256']


def test_without_webdataset_the_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'webdataset', None)
    with pytest.raises(InputError, match='pip install webdataset'):
        OCRNetImageShards(str(tmp_path))
