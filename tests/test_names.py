"""A test's name says the behaviour in few words."""

import re

from .detectors import ROOT


def test_no_test_has_a_name_of_over_60_characters():
    names = [
        name
        for path in (ROOT / 'tests').rglob('test_*.py')
        for name in re.findall(r'^ *def (test_\w+)', path.read_text(), re.MULTILINE)
    ]
    assert len(names) > 500 and not [name for name in names if len(name) > 60]


def test_no_file_has_two_tests_of_one_name():
    for path in (ROOT / 'tests').rglob('test_*.py'):
        names = re.findall(r'^def (test_\w+)', path.read_text(), re.MULTILINE)
        assert len(names) == len(set(names)), path
