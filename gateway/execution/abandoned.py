"""When compiled code does not go on."""


class Abandoned(Exception):
    """The answer is not one that compiled code gives: the reference executor gives it, with the errors that belong."""
