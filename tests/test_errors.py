"""A message is one line that a terminal can show."""

import pickle

import pytest

from ocrnet_mmdet.errors import LINE, InputError, shown


@pytest.mark.parametrize(
    'value, text',
    [
        ('car', 'car'),
        ('a\nb', r'a\nb'),
        ('\x1b[31m', r'\x1b[31m'),
        ('\u202eb', r'\u202eb'),
        ('\ud800', r'\ud800'),
        ('grün 🚗', 'grün 🚗'),
        (None, 'None'),
        (['a\n'], r"['a\n']"),
        (10**400, None),
        ('x' * 10**6, None),
        ([[[[[[1]]]]]], None),
        (dict.fromkeys(range(99)), None),
    ],
)
def test_any_value_is_shown_in_one_short_printable_line(value, text):
    line = shown(value)
    assert line.isprintable() and len(line) <= 80
    assert text is None or line == text


def test_what_is_long_keeps_both_ends():
    line = shown('begin' + 'x' * 500 + 'the fix', 60)
    assert (
        len(line) == 60
        and line.startswith('begin')
        and line.endswith('the fix')
        and ' ... ' in line
    )


def test_a_message_is_one_line_with_its_fix_at_the_end():
    message = str(InputError('data\x1b[2J: ' + 'bad\n' * 400 + ': set it right'))
    assert message.isprintable() and len(message) <= LINE and message.endswith(': set it right')


def test_a_workers_traceback_shows_the_message_alone():
    caught = InputError(
        'Traceback ...\n  File "x.py"\nocrnet_mmdet.errors.InputError: no picture a.png: copy it\n'
    )
    assert str(caught) == str(pickle.loads(pickle.dumps(caught))) == 'no picture a.png: copy it'
