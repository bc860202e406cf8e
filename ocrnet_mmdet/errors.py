"""The one exception that means: what the user gave is wrong, and here is how to mend it."""

import math
import reprlib
from typing import Any

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
    text = printable(text)
    if len(text) <= limit:
        return text
    end = 2 * limit // 5
    return f'{text[: limit - end - 5]} ... {text[-end:]}'


def printable(text: str) -> str:
    """Text with line breaks, escapes and whatever else does not print as Python escapes."""
    return ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def require(
    name: str,
    value: Any,
    kind: type[int] | type[float] = float,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    count: int | None = None,
) -> Any:
    """``value``, if it is such a number; of ``count`` numbers a tuple.

    True and False are no numbers, NaN and infinity never fit.

    Args:
        name: The option's, for the message.
        kind: ``int`` or ``float``, which takes whole numbers too.
        low: The least that fits.
        high: The greatest that fits.
        above: All that fits is greater.
        count: How many numbers there have to be; None for one alone.

    Raises:
        InputError: It is another.
    """

    def fits(number: Any) -> bool:
        if not isinstance(number, (int, kind)) or isinstance(number, bool):
            return False
        return (
            -math.inf < number < math.inf
            and (low is None or number >= low)
            and (high is None or number <= high)
            and (above is None or number > above)
        )

    if count is None and fits(value):
        return value
    if isinstance(value, (list, tuple)) and len(value) == count and all(map(fits, value)):
        return tuple(value)
    what = 'whole number' if kind is int else 'number'
    what = f'a {what}' if count is None else f'{count} {what}s'
    limits = ' and '.join(
        f'{word} {limit}'
        for word, limit in (('above', above), ('of at least', low), ('at most', high))
        if limit is not None
    )
    raise InputError(f'{name} is {shown(repr(value), 60)}: give {what} {limits}'.rstrip())
