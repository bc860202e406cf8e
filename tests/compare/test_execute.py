import subprocess
import sys
import time

from ocrnet_mmdet.compare.execute import Process


def process(tmp_path, code, limit=60.0):
    popen = subprocess.Popen([sys.executable, '-c', code], start_new_session=True)
    return Process(popen, time.time(), limit, tmp_path / 'log.txt')


def test_seconds_end_with_the_process_however_late_one_looks(tmp_path):
    short = process(tmp_path, '')
    while not short.ended():
        time.sleep(0.01)
    before = short.seconds()
    time.sleep(1.5)
    assert short.seconds() == before and short.stop() == ''


def test_a_process_past_its_limit_is_ended(tmp_path):
    slow = process(tmp_path, 'import time; time.sleep(60)', limit=0.2)
    time.sleep(0.3)
    assert slow.ended() and 'limit of 0 s' in slow.stop()
    assert slow.seconds() < 30 and slow.popen.returncode


def test_a_failed_process_says_its_last_line(tmp_path):
    (tmp_path / 'log.txt').write_text('one\nlast\n\n')
    failed = process(tmp_path, 'raise SystemExit(3)')
    while not failed.ended():
        time.sleep(0.01)
    assert failed.stop() == 'status 3: last'
