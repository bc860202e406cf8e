import fcntl
import json
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import asdict, replace

import pytest

from experiments.records import (
    COLUMNS,
    RECORDS,
    SCORES,
    Run,
    append,
    finished,
    identity,
    read,
    row_of,
)

RUN = Run(
    'ablation',
    'fine-tuning',
    'bccd',
    'regions',
    5,
    300,
    1e-3,
    0,
    'config.py',
    {'model.weights': {'boxes': 0.1}, 'model.parts': ['a', 'b']},
    'val',
    folders=('one', 'two, with a comma "and quotes"'),
)


def test_a_row_is_read_as_it_was_written(tmp_path):
    path = tmp_path / 'records.csv'
    results = dict(
        bbox_mAP=0.1234,
        seconds=1e-7,
        parameters=4,
        device='NVIDIA, H200',
        note='a "b"\nc',
        measured=dict(steps=[1, None, True], name='ü'),
    )
    append(path, row_of(RUN, **results))
    (row,) = read(path)
    assert row == dict.fromkeys(COLUMNS) | {name: '' for name in row if row[name] == ''} | (
        asdict(RUN) | results | dict(name=RUN.name, folders=list(RUN.folders), note='a "b" c')
    )
    assert finished([row], RUN) is row


def test_what_a_kill_left_of_a_row_is_no_row(tmp_path):
    path = tmp_path / 'records.csv'
    append(path, row_of(RUN))
    whole = path.read_bytes()
    last = whole[whole.index(b'\n') + 1 :]
    for cut in (1, len(last) // 2, len(last) - 1):
        path.write_bytes(whole + last[:cut])
        assert len(read(path)) == 1
        append(path, row_of(RUN))
        assert path.read_bytes() == whole + last


def test_a_row_waits_for_another_that_is_being_written(tmp_path):
    path = tmp_path / 'records.csv'
    append(path, row_of(RUN))
    with open(path, 'ab') as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = pool.submit(append, path, row_of(replace(RUN, seed=1)))
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        file.write(path.read_bytes().splitlines(keepends=True)[1])
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)
        waiting.result(5)
    assert [row['seed'] for row in read(path)] == [0, 0, 1]


def test_a_failed_run_is_not_finished(tmp_path):
    path = tmp_path / 'records.csv'
    append(path, row_of(RUN, error='out of memory'))
    assert not finished(read(path), RUN)
    append(path, row_of(RUN))
    assert finished(read(path), RUN)


@pytest.mark.parametrize(
    'change',
    [
        dict(lr=2e-3),
        dict(steps=1000),
        dict(options=None),
        dict(study='main_table'),
        dict(seed=1),
        dict(options={'model.weights': {'boxes': 0.2}, 'model.parts': ['a', 'b']}),
        dict(start='a/b'),
    ],
)
def test_other_settings_are_another_run(tmp_path, change):
    append(tmp_path / 'records.csv', row_of(RUN))
    assert not finished(read(tmp_path / 'records.csv'), replace(RUN, **change))


def test_a_column_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['bbox_AP'\]"):
        append(tmp_path / 'records.csv', row_of(RUN, bbox_AP=1.0))
    (tmp_path / 'other.csv').write_text('study,name\n')
    with pytest.raises(ValueError, match='other.csv has the columns'):
        read(tmp_path / 'other.csv')


def test_the_kept_records_are_distinct_runs_with_results():
    rows = read(RECORDS)
    assert len({identity(row) for row in rows}) == len(rows)
    assert len({(row['study'], row['kind'], row['name']) for row in rows}) == len(rows)
    for row in rows:
        assert row['bbox_mAP'] is not None or row['measured'], row['name']
        assert all(
            0 <= row[name] <= 1 or row[name] == -1  # of sizes that no object has
            for name in SCORES
            if row[name] is not None
        )
        assert not row['note'] or json.loads(row['note'])
