"""What a user names stands for the pictures that it says, under names that keep their folders."""

import os

import cv2
import numpy as np
import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.predict.sources import count_pictures, list_inputs, pictures_of


@pytest.fixture
def folder(tmp_path):
    for name in ('a.png', 'b/c.jpg', 'b/d/e.tif'):
        path = tmp_path / 'data' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((4, 5, 3), np.uint8))
    (tmp_path / 'data' / 'notes.json').write_text('{}')
    (tmp_path / 'data' / 'raw.dng').write_text('')
    return tmp_path / 'data'


def write_video(path, frames=2):
    video = cv2.VideoWriter(
        str(path),
        cv2.VideoWriter_fourcc(*'MJPG'),
        5,
        (32, 24),
    )
    for i in range(frames):
        video.write(np.full((24, 32, 3), 100 + 50 * i, np.uint8))
    video.release()


def names_of(*named) -> list[str]:
    return [one.name for one in list_inputs(map(str, named))[1]]


def test_a_folder_is_its_pictures_at_any_depth(folder):
    root, inputs, note = list_inputs([str(folder)])
    assert root == str(folder) and [one.name for one in inputs] == ['a.png', 'b/c.jpg', 'b/d/e.tif']
    assert '.dng (1)' in note and 'json' not in note


def test_names_lie_below_the_folder_that_all_share(folder):
    assert names_of(folder / 'b/d/e.tif') == ['e.tif']
    assert names_of(folder / 'b/d', folder / 'a.png') == ['b/d/e.tif', 'a.png']
    assert names_of(folder, folder / 'a.png') == ['a.png', 'b/c.jpg', 'b/d/e.tif']  # each once


def test_a_list_is_read_from_where_it_lies(folder, monkeypatch):
    (folder / 'b' / 'list.txt').write_text('c.jpg\n\nd/e.tif\n')
    monkeypatch.chdir('/')
    assert names_of(folder / 'b' / 'list.txt') == ['c.jpg', 'd/e.tif']


def test_globs_stand_for_what_matches_them(folder):
    assert names_of(folder / '**' / '*.[jt]*') == ['b/c.jpg', 'b/d/e.tif']
    os.rename(folder / 'a.png', folder / 'a[1].png')
    assert names_of(folder / 'a[1].png') == ['a[1].png']


@pytest.mark.parametrize('named, words', [('none.jpg', 'does not exist'), ('*.bmp', 'no picture')])
def test_what_stands_for_nothing_is_named(folder, named, words):
    with pytest.raises(InputError, match=words):
        names_of(folder / named)


def test_a_video_is_its_frames_in_order(tmp_path):
    write_video(tmp_path / 'clip.avi')
    _, inputs, _ = list_inputs([str(tmp_path / 'clip.avi')])
    first, second = pictures_of(inputs, lambda _: True)
    assert [first.name, second.name] == ['clip.avi/000000', 'clip.avi/000001']
    assert abs(first.read().mean() - 100) < 3 and abs(second.read().mean() - 150) < 3
    assert count_pictures(inputs) == 2


def test_frames_that_are_done_are_passed_over(tmp_path):
    write_video(tmp_path / 'clip.avi')
    _, inputs, _ = list_inputs([str(tmp_path / 'clip.avi')])
    first, second = pictures_of(inputs, lambda frame: frame.name.endswith('1'))
    assert first.image is None and abs(second.image.mean() - 150) < 3


def test_a_damaged_video_says_so_where_it_is_read(tmp_path):
    (tmp_path / 'clip.mp4').write_bytes(b'no video')
    _, inputs, _ = list_inputs([str(tmp_path / 'clip.mp4')])
    (only,) = pictures_of(inputs, lambda _: True)
    with pytest.raises(InputError, match='clip.mp4: cannot be read'):
        only.read()


def test_a_deep_picture_is_read_as_it_is_trained_on(tmp_path):
    deep = np.linspace(0, 4095, 600).astype(np.uint16).reshape(20, 30)
    cv2.imwrite(str(tmp_path / 'deep.png'), deep)
    _, inputs, _ = list_inputs([str(tmp_path / 'deep.png')])
    (picture,) = pictures_of(inputs, lambda _: True)
    assert np.ptp(picture.read()) > 250 and picture.read().shape == (20, 30, 3)


def test_a_video_that_is_cut_off_is_no_whole_one(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / 'whole.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (160, 120)
    )
    for image in np.random.default_rng(0).integers(0, 255, (30, 120, 160, 3), np.uint8):
        writer.write(image)
    writer.release()
    content = (tmp_path / 'whole.avi').read_bytes()
    (tmp_path / 'cut.avi').write_bytes(content[: len(content) // 2])
    found = {}
    for name in ('whole', 'cut'):
        _, inputs, _ = list_inputs([str(tmp_path / f'{name}.avi')])
        found[name] = list(pictures_of(inputs, lambda _: True))
    assert len(found['whole']) == 30 and not any(frame.problem for frame in found['whole'])
    *frames, last = found['cut']
    assert 10 < len(frames) < 20 and all(frame.image is not None for frame in frames)
    with pytest.raises(InputError, match=f'{len(frames)} of its 30 frames can be read'):
        last.read()
