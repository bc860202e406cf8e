import logging
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from mmdet.registry import TRANSFORMS

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.pretraining import discover
from ocrnet_mmdet.pretraining.region_cache import RegionCache, decode_regions, encode_regions
from ocrnet_mmdet.pretraining.regions import Regions
from tests.pretraining.test_regions import scene


def transform(folder, **settings):
    return TRANSFORMS.build(dict(type='OCRNetDiscoverRegions', cache_dir=str(folder), **settings))


def assert_equal(a: Regions, b: Regions) -> None:
    assert a.shape == b.shape
    for name in ('boxes', 'scores', 'segments'):
        first, second = getattr(a, name), getattr(b, name)
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)


@pytest.fixture
def discoveries(monkeypatch) -> list:
    """The pictures that regions were discovered in, as they come."""
    seen, real = [], discover.discover_regions
    monkeypatch.setattr(
        discover,
        'discover_regions',
        lambda image, **settings: seen.append(image) or real(image, **settings),
    )
    return seen


@pytest.mark.parametrize(
    'count, shape', [(0, (1, 5)), (1, (1, 1)), (3, (9, 4)), (8, (16, 16)), (40, (30, 50))]
)
def test_any_segments_come_back_exactly(count, shape):
    rng = np.random.default_rng(count)
    segments = rng.random((count, *shape)) < 0.4
    segments[:, 0, 0] = True  # none empty
    regions = Regions.of_segments(segments, rng.integers(0, 256, count), (123, 77))
    assert_equal(decode_regions(encode_regions(regions, 'a'), 'a'), regions)


def test_cached_regions_equal_fresh_ones(tmp_path, discoveries):
    image = scene()
    fresh = transform(tmp_path).transform(dict(img=image))['regions']
    cached = transform(tmp_path).transform(dict(img=image.copy()))['regions']
    assert_equal(fresh, cached)
    assert len(fresh) > 5 and len(discoveries) == 1


def test_another_picture_or_setting_is_not_found(tmp_path, discoveries):
    image = scene()
    other = image.copy()
    other[0, 0, 0] ^= 1
    transform(tmp_path).transform(dict(img=image))
    transform(tmp_path).transform(dict(img=other))
    transform(tmp_path).transform(dict(img=image.reshape(480, 160, 3)))
    transform(tmp_path, max_regions=7).transform(dict(img=image))
    transform(tmp_path, size=96).transform(dict(img=image))
    assert len(discoveries) == 5


def test_another_version_of_the_algorithm_is_not_found(tmp_path, monkeypatch):
    image = scene()
    path = RegionCache(tmp_path, {}).path(image)
    monkeypatch.setattr('ocrnet_mmdet.pretraining.region_cache.VERSION', -1)
    assert RegionCache(tmp_path, {}).path(image) != path


@pytest.mark.parametrize(
    'damage',
    [
        lambda c: b'',
        lambda c: c[:10],
        lambda c: c[: len(c) // 2],
        lambda c: c[:-1],
        lambda c: c + b'x',
        lambda c: c[:60] + bytes([c[60] ^ 1]) + c[61:],
    ],
)
def test_a_damaged_file_is_made_anew(tmp_path, damage):
    image, step = scene(), transform(tmp_path)
    fresh = step.transform(dict(img=image))['regions']
    path = step.cache.path(image)
    path.write_bytes(damage(path.read_bytes()))
    assert_equal(step.transform(dict(img=image))['regions'], fresh)
    assert_equal(decode_regions(path.read_bytes(), path.stem), fresh)


def test_a_file_of_another_picture_is_made_anew(tmp_path):
    image, other, step = scene(), scene((60, 80)), transform(tmp_path)
    fresh = step.transform(dict(img=image))['regions']
    step.transform(dict(img=other))
    step.cache.path(image).write_bytes(step.cache.path(other).read_bytes())
    assert_equal(step.transform(dict(img=image))['regions'], fresh)


def test_damage_is_said_once(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'ocrnet_mmdet.pretraining.region_cache.print_log',
        lambda message, logger, level: said.append((message, level)),
    )
    step = transform(tmp_path)
    for seed in range(3):
        image = scene((60 + seed, 80))
        step.transform(dict(img=image))
        step.cache.path(image).write_bytes(b'cut off')
        step.transform(dict(img=image))
    ((message, level),) = said
    assert 'discovered anew' in message and str(tmp_path) in message and level == logging.WARNING


def test_an_unusable_entry_is_discovered_anew(tmp_path):
    image, step = scene(), transform(tmp_path)
    step.cache.path(image).mkdir(parents=True)
    assert step.cache.load(image) is None
    fresh = discover.discover_regions(image)
    assert_equal(step.transform(dict(img=image))['regions'], fresh)


def write_and_read(folder: str, failures) -> None:
    cache, images = RegionCache(folder, {}), [scene((60 + i, 80)) for i in range(3)]
    for _ in range(30):
        for i, image in enumerate(images):
            segments = np.zeros((2, 60 + i, 80), bool)
            segments[0, : i + 1] = segments[1, :, i] = True
            regions = Regions.of_segments(segments, np.array([255, i]), image.shape[:2])
            cache.save(image, regions)
            found = cache.load(image)
            if found is None or not np.array_equal(found.segments, segments):
                failures.put(i)


def test_workers_never_read_half_of_a_file(tmp_path):
    context = multiprocessing.get_context('fork')
    failures = context.SimpleQueue()
    workers = [
        context.Process(target=write_and_read, args=(str(tmp_path), failures)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures.empty() and [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(list(tmp_path.rglob('*.regions'))) == 3
    assert not list(tmp_path.rglob('*.part')) + list(tmp_path.rglob('*.probe'))


def test_a_kill_while_writing_leaves_no_file_under_the_name(tmp_path, monkeypatch):
    image, step = scene(), transform(tmp_path)

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', killed)
    with pytest.raises(KeyboardInterrupt):
        step.transform(dict(img=image))
    assert not step.cache.path(image).exists()
    assert step.cache.load(image) is None


def test_a_folder_that_cannot_be_written_to_is_an_input_error(tmp_path):
    (tmp_path / 'file').write_text('')  # a root user may write anywhere but below a file
    with pytest.raises(InputError, match='cache_dir .*file/cache cannot be written to: Not a dir'):
        transform(tmp_path / 'file' / 'cache')


def test_on_a_full_disk_a_run_goes_on_uncached(tmp_path, monkeypatch):
    step, said = transform(tmp_path), []

    def full(path, content):
        with open(path, 'wb') as file:
            file.write(content[:20])
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', full)
    monkeypatch.setattr(
        'ocrnet_mmdet.pretraining.region_cache.print_log', lambda line, *args: said.append(line)
    )
    for _ in range(2):
        assert len(step.transform(dict(img=scene()))['regions'])
    assert len(said) == 1 and str(tmp_path) in said[0] and 'No space left' in said[0]
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


def test_what_a_killed_run_left_is_removed(tmp_path):
    names = f'a.regions.{"0" * 32}.part', f'b.regions.{"1" * 32}.part', 'c.part'
    old, new, other = (tmp_path / name for name in names)
    for path in (old, new, other):
        path.write_bytes(b'half')
    for path in (old, other):
        os.utime(path, (0, 0))
    RegionCache(tmp_path, {})
    assert not old.exists() and new.exists() and other.exists()


def test_a_busy_picture_takes_less_than_4_kb():
    image = np.kron(
        np.random.default_rng(0).integers(0, 256, (24, 32, 3)), np.ones((16, 16, 1))
    ).astype(np.uint8)
    regions = discover.discover_regions(image)
    assert len(regions) == 100
    assert len(encode_regions(regions, 'a')) <= 4096
