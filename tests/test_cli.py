"""Options and errors as the tools read and print them."""

import argparse
import os
import subprocess
import sys

import pytest

from ocrnet_mmdet.cli import OptionAction, count, one_line_errors, parse_option


@pytest.mark.parametrize(
    'text, value',
    [
        ('4', 4),
        ('1e-3', 1e-3),
        ('true', True),
        ('None', None),
        ('a/b.json', 'a/b.json'),
        ('MY PICTURES/', 'MY PICTURES/'),
        ("'/data/x, y (old)/'", '/data/x, y (old)/'),
        ("'2024'", '2024'),
        ('512,256', [512, 256]),
        ('(512, 256)', (512, 256)),
        ('[(1,2), (3,4)]', [(1, 2), (3, 4)]),
        ('[a, b]', ['a', 'b']),
        ("('white cell','2')", ('white cell', '2')),
        ("'white cell',", ['white cell']),
        ("[('A B/', 3)]", [('A B/', 3)]),
    ],
)
def test_an_option_is_what_it_says(text, value):
    assert parse_option(text) == value


@pytest.mark.parametrize('text', ['[/my data/, /b/]', 'white cell,red cell', '(1,2'])
def test_an_option_that_could_mean_several_things_is_refused(text, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, default={})
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', f'data_root={text}'])
    assert f'--cfg-options: data_root={text}: ' in capsys.readouterr().err


def test_options_of_several_calls_add_up():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, default={})
    parse = parser.parse_args
    assert parse(['--cfg-options', 'a=1', 'b=x=y', '--cfg-options', 'c=2']).cfg_options == dict(
        a=1, b='x=y', c=2
    )
    assert parse([]).cfg_options == {}
    with pytest.raises(SystemExit):
        parse(['--cfg-options', 'no_pair'])


def test_a_missing_right_is_one_line(capsys):
    with pytest.raises(SystemExit), one_line_errors():
        raise PermissionError(13, 'Permission denied', '/root/list.txt')
    assert capsys.readouterr().err.splitlines() == [
        'error: /root/list.txt: Permission denied: correct its rights, or name another place'
    ]


@pytest.mark.parametrize(
    'body',
    [
        'for i in range(100_000): print(i)',
        'time.sleep(1); print(1)',  # too little to be written before the end
        'time.sleep(1); print(1); sys.exit(0)',  # as --help ends
        'time.sleep(1); print(1, flush=True)',
    ],
)
def test_a_reader_that_ends_early_ends_the_tool_quietly(body):
    code = 'import sys, time\nfrom ocrnet_mmdet.cli import one_line_errors\nprint("first", flush=1)'
    code += f'\nwith one_line_errors():\n    {body}'
    tool = subprocess.Popen(
        [sys.executable, '-c', code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, 'PYTHONUNBUFFERED': ''},
    )
    assert tool.stdout.readline() == b'first\n'
    tool.stdout.close()
    assert tool.stderr.read() == b''
    assert tool.wait() == (0 if 'exit' in body else 141)


def test_another_pipe_that_breaks_is_no_quiet_end():
    with pytest.raises(BrokenPipeError), one_line_errors():
        raise BrokenPipeError


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'x', ''])
def test_a_count_is_a_number_from_one_on(text):
    assert count('12') == 12
    with pytest.raises(argparse.ArgumentTypeError, match='give 1 or more'):
        count(text)
