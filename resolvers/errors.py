"""The tree of errors that a caller can cause and mend.

Every error has a stable `code`. Use cases raise these; the schema shows them as members of a mutation's union or
as `extensions.code` of a query's error, and `gateway.errors` alone knows their HTTP status. Anything outside this
tree is a defect: it is masked on the wire and logged once.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

Path = tuple[str, ...]
"""Where in the input the error lies: the argument's name, then field names and list indices, outermost first."""


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with one value of the input."""

    code: str
    message: str
    path: Path


class DomainError(Exception):
    """Base of every error that a caller can cause and mend."""

    code: ClassVar[str]

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class Unauthenticated(DomainError):
    """No credentials, or credentials that are expired, revoked or not ours; the message never says which."""

    code = "UNAUTHENTICATED"


class InvalidCredentials(DomainError):
    """A wrong password, token or invitation; says nothing about what exists."""

    code = "INVALID_CREDENTIALS"


class Forbidden(DomainError):
    """The role or the API key's scopes do not allow this."""

    code = "FORBIDDEN"


class NotFound(DomainError):
    """Nothing of that id in this tenant: never existed, archived away or another tenant's, without saying which."""

    code = "NOT_FOUND"


class InvalidInput(DomainError):
    """One or more values break a rule that the type system cannot state."""

    code = "INVALID_INPUT"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(first.message, first.path)
        self.problems = tuple(problems)


class Conflict(DomainError):
    """The object changed since the caller read it, or a unique value is taken."""

    code = "CONFLICT"


class IllegalTransition(DomainError):
    """The object's state does not allow this move."""

    code = "ILLEGAL_TRANSITION"


class TooManyAttempts(DomainError):
    """Too many guesses; `retry_after` is in seconds."""

    code = "TOO_MANY_ATTEMPTS"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FeedRejected(DomainError):
    """A feed that could not be fetched or read; `reason` is one of `resolvers.feeds`' stable codes."""

    code = "FEED_REJECTED"

    def __init__(self, reason: str, message: str, path: Path = ("url",)) -> None:
        super().__init__(message, path)
        self.reason = reason


def invalid(code: str, message: str, *path: str) -> InvalidInput:
    """An InvalidInput of a single problem."""
    return InvalidInput([Problem(code=code, message=message, path=path)])
