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


def require(name: str, value: object, kind: type = float, low: float | None = None, high: float | None = None,
            above: float | None = None, count: int | None = None) -> object:
    """``value``, if it is such a number; of ``count`` numbers a tuple.

    Args:
        name: What the message calls it: the option's name.
        kind: ``int`` or ``float``, which takes whole numbers too. True and False are neither, NaN and infinity never fit.
        low: The least that fits.
        high: The greatest that fits.
        above: All that fits is greater.
        count: How many numbers there have to be; None for one alone.

    Raises:
        InputError: It is another.
    """
    def fits(number: object) -> bool:
        return (isinstance(number, (int, kind)) and not isinstance(number, bool) and math.isfinite(number)
                and (low is None or number >= low) and (high is None or number <= high)
                and (above is None or number > above))

    many = isinstance(value, (list, tuple))
    if many == (count is not None) and (not many or len(value) == count) and all(map(fits, value if many else [value])):
        return tuple(value) if many else value
    what = dict(int='whole number', float='number')[kind.__name__]
    what = f'a {what}' if count is None else f'{count} {what}s'
    limits = ([f'from {low} to {high}'] if low is not None and high is not None else
              [f'of {low} or more'] if low is not None else [f'of {high} or less'] if high is not None else [])
    limits += [f'above {above}'] if above is not None else []
    raise InputError(' '.join([f'{name} is {value!r}: give {what}', *limits]))
