"""A picture's variation depends on the index alone; what cannot be read is replaced and named."""

import json

import cv2
import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from torch.utils.data import DataLoader

from ocrnet_mmdet.datasets import OCRNetImageFolder, OCRNetVariationSampler, image_folder
from ocrnet_mmdet.errors import InputError

LOAD = dict(type='LoadImageFromFile', backend_args=dict(backend='ocrnet_pictures'))


@TRANSFORMS.register_module()
class DrawnNumber(BaseTransform):
    """A picture's grey value and a number drawn from its seed."""

    def transform(self, results):
        drawn = np.random.default_rng(results['seed']).integers(2**31)
        return results['sample_idx'], int(results['img'].max()), int(drawn)


@TRANSFORMS.register_module()
class OnlyEven(BaseTransform):
    def transform(self, results):
        return None if results['sample_idx'] % 2 else results


def write(folder, count, bad=()):
    """Pictures whose grey value is their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        picture = cv2.imencode('.png', np.full((8, 8, 3), i, np.uint8))[1].tobytes()
        (folder / f'{i:03d}.png').write_bytes(picture[:40] if i in bad else picture)
    return str(folder)


def test_an_index_is_a_picture_in_a_variation(tmp_path):
    data = OCRNetImageFolder(write(tmp_path, 5), pipeline=[LOAD, dict(type='DrawnNumber')], seed=3)
    drawn = [data[i] for i in range(15)]
    assert len(data) == 5 and [d[0] for d in drawn] == [d[1] for d in drawn] == [*range(5)] * 3
    assert len({d[2] for d in drawn}) == 15
    assert [data[i] for i in reversed(range(15))] == drawn[::-1]
    other = OCRNetImageFolder(str(tmp_path), pipeline=[LOAD, dict(type='DrawnNumber')], seed=4)
    assert not {d[2] for d in drawn} & {other[i][2] for i in range(15)}


@pytest.mark.parametrize('workers', [1, 2])
def test_workers_change_nothing(tmp_path, workers):
    """Bad pictures too are replaced alike."""
    data = OCRNetImageFolder(
        write(tmp_path, 7, bad=(2, 3)),
        bad_files=str(tmp_path / 'bad.txt'),
        pipeline=[LOAD, dict(type='DrawnNumber')],
    )
    batches = iter(
        DataLoader(
            data, 3, sampler=OCRNetVariationSampler(data), num_workers=workers, collate_fn=list
        )
    )
    loaded = [sample for _ in range(9) for sample in next(batches)]
    del batches  # a loader that the garbage collector ends waits 5 s for each worker
    order = iter(OCRNetVariationSampler(data))
    assert loaded == [data[next(order)] for _ in range(27)]


def test_unreadable_pictures_are_named_and_replaced(tmp_path):
    root = write(tmp_path / 'p', 40, bad=(4, 5))
    (tmp_path / 'p' / '006.png').unlink()
    (tmp_path / 'p' / '006.png').symlink_to('nowhere')
    data = OCRNetImageFolder(root, pipeline=[LOAD], bad_files=str(tmp_path / 'bad.txt'))
    epochs = [[data[e * 40 + i]['sample_idx'] for i in range(40)] for e in range(10)]
    for epoch in epochs:
        assert not {4, 5, 6} & set(epoch)
        assert [p for i, p in enumerate(epoch) if i not in (4, 5, 6)] == [
            i for i in range(40) if i not in (4, 5, 6)
        ]
    assert len({epoch[4] for epoch in epochs}) > 4
    lines = dict(line.split('\t') for line in (tmp_path / 'bad.txt').read_text().splitlines())
    assert {path[-7:] for path in lines} == {'004.png', '005.png', '006.png'}
    assert lines[root + '/006.png'] == 'No such file or directory'
    assert data.bad_files.count() == 3


def test_one_readable_picture_is_found_and_none_is_an_error(tmp_path):
    root = write(tmp_path, 12, bad=[*range(11)])
    data = OCRNetImageFolder(root, pipeline=[LOAD])
    assert {data[i]['sample_idx'] for i in range(30)} == {11}
    (tmp_path / '011.png').write_bytes(b'')
    with pytest.raises(InputError, match='none of the 12 pictures .* can be used'):
        OCRNetImageFolder(root, pipeline=[LOAD])[0]


def test_a_transforms_error_is_no_bad_picture(tmp_path):
    data = OCRNetImageFolder(write(tmp_path, 6), pipeline=[LOAD, dict(type='OnlyEven')])
    assert all(data[i]['sample_idx'] % 2 == 0 for i in range(24))
    assert data.bad_files.count() == 0


def test_folders_lists_and_coco_files_give_the_same_pictures(tmp_path):
    write(tmp_path / 'images', 3)
    names = [f'{i:03d}.png' for i in (2, 0, 1)]
    (tmp_path / 'list.txt').write_text('\n'.join(names))
    (tmp_path / 'coco.json').write_text(json.dumps(dict(images=[dict(file_name=n) for n in names])))
    prefix = dict(img='images')
    data = [
        OCRNetImageFolder(str(tmp_path), ann_file, prefix)
        for ann_file in ('', 'list.txt', 'coco.json')
    ]
    assert {tuple(d.path(i) for i in range(3)) for d in data} == {
        tuple(str(tmp_path / 'images' / name) for name in sorted(names))
    }
    assert len({d.fingerprint()['sha256'] for d in data}) == 1


def test_the_fingerprint_does_not_depend_on_the_place(tmp_path):
    whole = OCRNetImageFolder(write(tmp_path / 'a', 6)).fingerprint()
    assert whole['count'] == 6
    assert OCRNetImageFolder(write(tmp_path / 'b', 6)).fingerprint() == whole
    for i in (0, 2, 4):  # the same files over two folders
        target = tmp_path / 'c' / f'{i:03d}.png'
        target.parent.mkdir(exist_ok=True)
        (tmp_path / 'b' / f'{i:03d}.png').rename(target)
    two = OCRNetImageFolder([str(tmp_path / 'b'), str(tmp_path / 'c')])
    assert two.fingerprint() == whole and sorted(two.names()) == [f'{i:03d}.png' for i in range(6)]
    with open(tmp_path / 'b' / '001.png', 'ab') as file:
        file.write(b'x')
    assert two.fingerprint()['sha256'] != whole['sha256']
    (tmp_path / 'b' / '001.png').unlink()
    assert two.fingerprint()['count'] == 6


@pytest.mark.parametrize(
    'given',
    [[], [('a', 0)], [('a', -1.0)], [('a', 1), 'b'], [('a', float('nan'))], [('a', 'b', 'c')]],
)
def test_data_root_of_another_form_is_refused(given):
    with pytest.raises(InputError, match='data_root is'):
        OCRNetImageFolder(given)


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(InputError, match=rf'{tmp_path}/ holds no picture.*\.jpg .*\.webp'):
        OCRNetImageFolder(str(tmp_path))
    (tmp_path / 'list.txt').write_text('\n')
    with pytest.raises(InputError, match=r'list\.txt names no picture'):
        OCRNetImageFolder(str(tmp_path), 'list.txt')


def test_few_pictures_work_and_are_mentioned(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(image_folder, 'print_log', lambda message, **_: said.append(message))
    data = OCRNetImageFolder(write(tmp_path, 1), pipeline=[LOAD])
    assert '1 picture(s) only' in said[0]
    batch = next(iter(DataLoader(data, 4, sampler=OCRNetVariationSampler(data), collate_fn=list)))
    assert [sample['seed'] for sample in batch] == [(0, 0), (0, 1), (0, 2), (0, 3)]
