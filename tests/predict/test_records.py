"""What was found survives kills, and is not mixed with what other settings find."""

import json

import pytest

from ocrnet_mmdet.errors import InputError
from ocrnet_mmdet.predict.records import FILE, Records

SETTINGS = dict(score=0.3)


def record(name, stamp=1, **more):
    return dict(name=name, stamp=stamp, **more)


def test_records_are_there_for_the_next_call(tmp_path):
    records = Records(tmp_path, SETTINGS)
    records.add([record('a', boxes=[1]), record('b')])
    records.add([record('c', stamp=3)])
    records.close()
    again = Records(tmp_path, SETTINGS)
    assert again.has('a', 1) and again.has('c', 3) and not again.has('d', 1)
    assert [again[name]['name'] for name in 'cab'] == ['c', 'a', 'b'] and again['a']['boxes'] == [1]


def test_a_picture_that_changed_or_failed_is_not_done(tmp_path):
    records = Records(tmp_path, SETTINGS)
    records.add([record('a'), dict(name='b', error='damaged')])
    assert not records.has('a', 2) and not records.has('b', 1) and not records.has('b', None)
    records.add([record('b', stamp=5)])
    assert records.has('b', 5) and 'error' not in records['b']


@pytest.mark.parametrize('cut', [1, 5, 20])
def test_a_line_that_was_cut_off_is_taken_away(tmp_path, cut):
    records = Records(tmp_path, SETTINGS)
    records.add([record('a')])
    records.add([record('b'), record('c')])
    records.close()
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[:-cut])
    again = Records(tmp_path, SETTINGS)
    assert again.has('a', 1) and not again.has('b', 1) and not again.has('c', 1)
    again.add([record('b'), record('c')])
    again.close()
    assert (tmp_path / FILE).read_bytes() == content
    assert all(json.loads(line) for line in content.splitlines())


def test_results_of_other_settings_are_not_mixed(tmp_path):
    Records(tmp_path, SETTINGS).close()
    with pytest.raises(InputError, match='score 0.3, now it is 0.5: name another --out'):
        Records(tmp_path, dict(score=0.5))


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    first = Records(tmp_path, SETTINGS)
    with pytest.raises(InputError, match='another process writes'):
        Records(tmp_path, SETTINGS)
    first.close()
    Records(tmp_path, SETTINGS).close()


@pytest.mark.parametrize('damage', [b'\x00' * 20, b'[{"name": "b\xff'])
def test_from_a_damaged_line_on_all_is_predicted_anew(tmp_path, damage):
    records = Records(tmp_path, SETTINGS)
    for name in 'abc':
        records.add([record(name)])
    records.close()
    first, second, third, fourth = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE).write_bytes(first + second + damage + b'\n' + fourth)
    again = Records(tmp_path, SETTINGS)
    assert [again.has(name, 1) for name in 'abc'] == [True, False, False]
    again.add([record('b')])
    again.close()
    assert Records(tmp_path, SETTINGS).has('b', 1)
