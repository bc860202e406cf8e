"""The one exception that means: what the user gave is wrong, and here is how to mend it."""
import math


class InputError(Exception):
    """Bad input of a user.

    Its message is one line that names the file, the value that came and the fix. The tools print
    it without a traceback and exit with status 2; anything else that is raised is a defect of ours.
    """

    def __str__(self) -> str:
        # a DataLoader worker hands an exception over with its whole traceback as the message
        return super().__str__().strip().rpartition('InputError: ')[2]


def require(name: str, value: object, kind: type = float, low: float | None = None,
            high: float | None = None, above: float | None = None,
            count: int | None = None) -> object:
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
    def fits(number: object) -> bool:
        return (isinstance(number, (int, kind)) and not isinstance(number, bool)
                and -math.inf < number < math.inf and (low is None or number >= low)
                and (high is None or number <= high) and (above is None or number > above))

    if count is None and fits(value):
        return value
    if isinstance(value, (list, tuple)) and len(value) == count and all(map(fits, value)):
        return tuple(value)
    what = 'whole number' if kind is int else 'number'
    what = f'a {what}' if count is None else f'{count} {what}s'
    limits = ' and '.join(f'{word} {limit}' for word, limit in (
        ('above', above), ('of at least', low), ('at most', high)) if limit is not None)
    text = repr(value)
    text = text if len(text) < 60 else f'{text[:56]} ...'
    raise InputError(f'{name} is {text}: give {what} {limits}'.rstrip())
