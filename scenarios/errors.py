"""What is raised when a user's input is wrong: one line that names the thing, the place and the mend."""


class ParleyError(ValueError):
    """Bad input, said in one line; command lines print it and exit with code 2."""
