import pytest

from ocrnet_mmdet.engine.explained import TRACEBACK, explained
from ocrnet_mmdet.errors import InputError

OPTIONS = {'optim_wrapper.optimizer.lr': 'abc', 'max_iters': 3, 'data_root': 'my_pictures/'}


def line_of(error: Exception, folder, options: dict = OPTIONS) -> str:
    with pytest.raises(InputError) as raised, explained(options, str(folder)):
        raise error
    return str(raised.value)


@pytest.mark.parametrize(
    'message, named',
    [
        ("Invalid learning rate: 'abc'", 'option optim_wrapper.optimizer.lr=abc: ValueError: '),
        ('max_iters is wrong', 'option max_iters=3: ValueError: '),
        (
            'no idea',
            'one of the options optim_wrapper.optimizer.lr=abc max_iters=3 '
            'data_root=my_pictures/: ',
        ),
    ],
)
def test_the_options_that_a_message_speaks_of_are_named(tmp_path, message, named):
    line = line_of(ValueError(message), tmp_path)
    assert line.startswith(named) and message in line


def test_a_long_message_of_many_lines_is_one_short_line(tmp_path):
    line = line_of(RuntimeError('\n'.join(f'line {i} of the lr' for i in range(200))), tmp_path)
    assert '\n' not in line and len(line) < 500 and 'line 199 of the lr' in line


def test_the_traceback_is_kept(tmp_path):
    line = line_of(ValueError('no'), tmp_path / 'work')
    assert line.endswith(f'(all of it: {tmp_path}/work/{TRACEBACK})')
    assert 'in line_of' in (tmp_path / 'work' / TRACEBACK).read_text()


def test_a_file_that_an_option_names_is_of_that_option(tmp_path):
    assert 'option data_root=my_pictures/' in line_of(
        FileNotFoundError('my_pictures/1.png'), tmp_path
    )


@pytest.mark.parametrize(
    'error, options, taken',
    [
        (ValueError('ours'), {}, False),
        (ValueError('lr'), OPTIONS, True),
        (OSError('full'), OPTIONS, False),
        (InputError('as it is'), OPTIONS, False),
        (KeyboardInterrupt(), OPTIONS, False),
    ],
)
def test_what_is_not_an_options_fault_goes_on_as_it_is(tmp_path, error, options, taken):
    with pytest.raises(type(error)) as raised, explained(options, str(tmp_path)) as first_step:
        first_step.taken = taken
        raise error
    assert raised.value is error
