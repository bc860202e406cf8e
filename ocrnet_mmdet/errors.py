"""The one exception that means: what the user gave is wrong, and here is how to mend it."""
import reprlib

LINE = 480  # characters of a message; a terminal's screen holds several
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlist = 3, 80, 60, 8


class InputError(Exception):
    """Bad input of a user.

    Its message is one line that names the file, the value that came and the fix. The tools print
    it without a traceback and exit with status 2; anything else that is raised is a defect of ours.
    """

    def __str__(self) -> str:
        # a DataLoader worker hands an exception over with its whole traceback as the message
        return shown(super().__str__().strip().rpartition('InputError: ')[2], LINE)


def shown(value: object, limit: int = 80) -> str:
    """Any value as text for one line of a log or terminal.

    Line breaks, escape sequences and whatever else does not print are written as Python escapes;
    the middle of what is longer than ``limit`` characters is left out.
    """
    text = value if isinstance(value, str) else _REPR.repr(value)
    if len(text) > 2 * limit:  # a name may be megabytes long
        text = text[:limit] + text[-limit:]
    text = ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    if len(text) <= limit:
        return text
    end = 2 * limit // 5
    return f'{text[:limit - end - 5]} ... {text[-end:]}'
