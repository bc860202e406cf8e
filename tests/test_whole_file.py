import os

import pytest

from ocrnet_mmdet.whole_file import remove_parts, whole_file


def test_a_file_replaces_the_old_one_when_it_is_whole(tmp_path):
    path = tmp_path / 'new folder' / 'file'
    for text in ('first', 'second'):
        with whole_file(path) as part:
            part.write_text(text)
            assert not path.exists() or path.read_text() == 'first'
    assert path.read_text() == 'second' and os.listdir(path.parent) == ['file']


@pytest.mark.parametrize('error', [OSError(27, 'File too large'), KeyboardInterrupt()])
def test_an_error_midway_leaves_the_old_file_and_no_part(tmp_path, error):
    path = tmp_path / 'file'
    path.write_text('old')
    with pytest.raises(type(error)) as said, whole_file(path) as part:
        part.write_text('ne')
        raise error
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['file']
    if isinstance(error, OSError):
        assert said.value.filename == str(path)


def test_only_parts_of_ours_that_are_old_enough_are_removed(tmp_path):
    names = [f'a.{"0" * 32}.part', 'a.part', f'{"0" * 32}.part']
    for name in names:
        (tmp_path / name).touch()
    remove_parts(tmp_path, age=60)
    assert len(os.listdir(tmp_path)) == 3
    remove_parts(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])
