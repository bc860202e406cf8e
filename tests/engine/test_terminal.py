import logging
import warnings
from types import SimpleNamespace

import pytest

import ocrnet_mmdet
from ocrnet_mmdet.engine.terminal import TerminalFilter, prints_in_log

OURS = ocrnet_mmdet.__file__.replace('__init__', 'pretraining/hook')


@pytest.mark.parametrize(
    'path, level, text, shown',
    [
        (OURS, logging.INFO, 'regions', True),
        ('/x/mmengine/hooks/logger_hook.py', logging.INFO, 'Iter(train)', True),
        ('/x/mmengine/runner/runner.py', logging.INFO, 'Config:', False),
        ('/x/mmengine/runner/runner.py', logging.WARNING, 'a path is wrong', True),
        (
            '/x/mmengine/logging/logger.py',
            logging.WARNING,
            'The model and loaded state dict do not match exactly\n\nsize mismatch',
            False,
        ),
    ],
)
def test_the_terminal_shows_what_one_acts_on(path, level, text, shown):
    record = logging.LogRecord('mmengine', level, path, 1, text, (), None)
    assert TerminalFilter().filter(record) is shown


def test_prints_and_warnings_go_to_the_log_file(tmp_path, capsys):
    file = logging.FileHandler(tmp_path / 'run.log')
    with prints_in_log(SimpleNamespace(logger=SimpleNamespace(handlers=[file]))):
        print('creating index')
        warnings.warn('of an upcoming release')
    print('done')
    assert capsys.readouterr() == ('done\n', '')
    assert 'creating index' in (text := (tmp_path / 'run.log').read_text()) and 'upcoming' in text


def test_a_process_without_a_log_file_is_silent(capsys):
    with prints_in_log(SimpleNamespace(logger=SimpleNamespace(handlers=[]))):
        print('creating index')
        warnings.warn('of an upcoming release')
    assert capsys.readouterr() == ('', '')
