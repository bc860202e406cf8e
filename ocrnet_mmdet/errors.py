"""The one exception that means: what the user gave is wrong, and here is how to mend it."""


class InputError(Exception):
    """Bad input of a user.

    Its message is one line that names the file, the value that came and the fix. The tools print
    it without a traceback and exit with status 2; anything else that is raised is a defect of ours.
    """

    def __str__(self) -> str:
        # a DataLoader worker hands an exception over with its whole traceback as the message
        return super().__str__().strip().rpartition('InputError: ')[2]
