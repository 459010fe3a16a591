"""What is raised when something expected goes wrong, in one line that names the thing, the place and the mend."""


class ParleyError(ValueError):
    """Bad input, said in one line; command lines print it and exit with code 2."""


class Unreachable(RuntimeError):
    """A model could not be reached at all, said in one line without a key; command lines exit with code 3."""
