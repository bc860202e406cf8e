"""Unreadable pictures are counted once, whoever meets them."""

import multiprocessing
import os

from ocrnet_mmdet.datasets import bad_files
from ocrnet_mmdet.datasets.bad_files import BadFiles


def add_all(path, offset):
    bad = BadFiles(path)
    for i in range(200):
        bad.add(f'{offset + i}.jpg', 'broken')


def test_processes_share_one_file(tmp_path):
    path = str(tmp_path / 'work' / 'bad.txt')
    workers = [
        multiprocessing.Process(target=add_all, args=(path, offset)) for offset in (0, 100, 200)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = open(path).read().splitlines()
    assert {line.split('\t')[0] for line in lines} == {f'{i}.jpg' for i in range(400)}
    assert all(line.endswith('.jpg\tbroken') for line in lines)
    assert BadFiles(path).count() == 400


def test_a_name_is_one_line_once_and_a_later_run_goes_on(tmp_path):
    path = tmp_path / 'bad.txt'
    for _ in range(2):
        bad = BadFiles(str(path))
        bad.add('odd\nname.jpg', 'cut\n\toff')
        bad.add('odd\nname.jpg', 'cut off')
        assert 'odd\nname.jpg' in bad and bad.count() == 1
    assert path.read_text() == 'odd name.jpg\tcut off\n'


def test_the_first_is_said_in_a_later_run_too(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(bad_files, 'print_log', lambda line, **kwargs: said.append(line))
    for _ in range(2):
        bad = BadFiles(str(tmp_path / 'bad.txt'))
        bad.add('a.jpg', 'broken')
        bad.add('b.jpg', 'broken')
    assert said == [f'a.jpg is left out: broken; all are named in {tmp_path}/bad.txt'] * 2


def test_a_name_that_is_not_utf_8_can_be_logged(monkeypatch):
    said = []
    monkeypatch.setattr(
        bad_files, 'print_log', lambda line, **kwargs: said.append(line.encode('utf-8'))
    )
    BadFiles(None).add(os.fsdecode(b'caf\xe9.jpg'), 'broken')
    BadFiles(None).add('caf\u00e9\x1b[2J.jpg', 'broken')
    assert said == [
        b'caf\\udce9.jpg is left out: broken',
        'caf\u00e9\\x1b[2J.jpg is left out: broken'.encode(),
    ]


def test_a_name_cannot_speak_to_the_terminal(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(bad_files, 'print_log', lambda line, **kwargs: said.append(line))
    bad = BadFiles(str(tmp_path / 'bad.txt'))
    bad.add('a\x1b[2J\nb.jpg', 'broken \x07')
    assert '\\x1b[2J' in said[0] and said[0].isprintable()
    assert (tmp_path / 'bad.txt').read_text().rstrip('\n').replace('\t', '').isprintable()


def test_without_a_file_a_process_counts_its_own():
    bad = BadFiles(None)
    bad.add('a.jpg', 'x')
    bad.add('b.jpg', 'x')
    assert bad.count() == 2


def test_on_a_full_disk_bad_pictures_are_still_left_out(tmp_path, monkeypatch):
    said, write = [], os.write
    monkeypatch.setattr(bad_files, 'print_log', lambda line, **kwargs: said.append(line))
    # what a disk takes that gets full
    monkeypatch.setattr(os, 'write', lambda file, line: write(file, line[:4]))
    bad = BadFiles(str(tmp_path / 'bad.txt'))
    for name in ('a.jpg', 'b.jpg', 'c.jpg'):
        bad.add(name, 'broken')
        assert name in bad
    assert bad.count() == 3 and (tmp_path / 'bad.txt').read_bytes() == b''
    assert [line for line in said if 'cannot be written (No space left' in line] == said[1:]


def test_a_place_where_no_file_can_be_is_no_end_of_a_training(tmp_path):
    (tmp_path / 'file').write_text('')
    bad = BadFiles(str(tmp_path / 'file/bad.txt'))
    bad.add('a.jpg', 'broken')
    assert bad.count() == 1
