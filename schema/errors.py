"""Typed errors: what a client can cause and mend, as members of a mutation's union."""

from typing import Any

import strawberry
from strawberry.pydantic import InputValidationError

from persistence.errors import RefusedValue
from resolvers import errors as domain
from schema.fields import LONGEST

_CODE = "A stable code to branch on."
_MESSAGE = "One sentence in English that says what to do; not stable."
MOST_PROBLEMS = 100
"""Problems of an input that are told at once."""

_PATH = "Where in the arguments the error lies: the argument's name, then field names and list indices; may be empty."


@strawberry.interface(name="Error", description="What went wrong, in a form that a program can act on.")
class ErrorInterface:
    code: str = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)


@strawberry.type(description="One thing wrong with one value of the input.")
class InputProblem:
    code: str = strawberry.field(description="A stable code, such as STRING_TOO_LONG or INVALID_ID.")
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)


@strawberry.type(description="One or more values break a rule; nothing was changed.")
class InvalidInputError(ErrorInterface):
    problems: list[InputProblem] = strawberry.field(
        description=f"The problems found, at least one; of more than {MOST_PROBLEMS} the first.",
        metadata={LONGEST: MOST_PROBLEMS},
    )


@strawberry.type(description="The role or the API key's scopes do not allow this.")
class ForbiddenError(ErrorInterface):
    pass


@strawberry.type(description="Your tenant has nothing of this id.")
class NotFoundError(ErrorInterface):
    pass


@strawberry.type(description="The object changed since you read it, or a value that must be unique is taken.")
class ConflictError(ErrorInterface):
    pass


@strawberry.type(description="The object's state does not allow this move.")
class IllegalTransitionError(ErrorInterface):
    pass


@strawberry.type(description="Wrong email or password, or a token that is used, expired or not ours.")
class InvalidCredentialsError(ErrorInterface):
    pass


@strawberry.type(description="Too many guesses; wait before the next one.")
class TooManyAttemptsError(ErrorInterface):
    retry_after: float = strawberry.field(description="How long to wait, in seconds.")


@strawberry.type(description="The feed could not be fetched or read; nothing was changed.")
class FeedRejectedError(ErrorInterface):
    reason: str = strawberry.field(description="Why, as a stable code such as PRIVATE_ADDRESS or NOT_A_FEED.")


def _fields(error: domain.DomainError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "path": list(error.path)}


def invalid_input(error: InputValidationError | RefusedValue) -> domain.InvalidInput:
    """The domain error behind what a model or the database refused."""
    if isinstance(error, RefusedValue):
        message = "A value cannot be stored: out of range, or text that has no place in a database."
        return domain.invalid("UNSTORABLE_VALUE", message)
    return domain.InvalidInput(
        [domain.Problem(detail.type.upper(), detail.message, tuple(detail.location)) for detail in error.errors]
    )


def _invalid(error: domain.InvalidInput) -> InvalidInputError:
    problems = [InputProblem(code=p.code, message=p.message, path=list(p.path)) for p in error.problems[:MOST_PROBLEMS]]
    return InvalidInputError(**_fields(error), problems=problems)


class _Plain:
    """An error that carries no more than code, message and path."""

    def __init__(self, exception_type: type[domain.DomainError], error_type: type[ErrorInterface]) -> None:
        self.exception_type = exception_type
        self.error_type = error_type

    def handle(self, exception: domain.DomainError, **_: Any) -> ErrorInterface:
        return self.error_type(**_fields(exception))


class _InvalidInput(strawberry.ExceptionHandler[domain.InvalidInput, InvalidInputError]):
    def handle(self, exception: domain.InvalidInput, **_: Any) -> InvalidInputError:
        return _invalid(exception)


class _InvalidModel(strawberry.ExceptionHandler[InputValidationError, InvalidInputError]):
    """An input object that its model refused: every problem at once."""

    def handle(self, exception: InputValidationError, **_: Any) -> InvalidInputError:
        return _invalid(invalid_input(exception))


class _RefusedValue(strawberry.ExceptionHandler[RefusedValue, InvalidInputError]):
    """A value that passed every check of ours and that PostgreSQL refuses all the same."""

    def handle(self, exception: RefusedValue, **_: Any) -> InvalidInputError:
        return _invalid(invalid_input(exception))


class _TooManyAttempts(strawberry.ExceptionHandler[domain.TooManyAttempts, TooManyAttemptsError]):
    def handle(self, exception: domain.TooManyAttempts, **_: Any) -> TooManyAttemptsError:
        return TooManyAttemptsError(**_fields(exception), retry_after=exception.retry_after)


class _FeedRejected(strawberry.ExceptionHandler[domain.FeedRejected, FeedRejectedError]):
    def handle(self, exception: domain.FeedRejected, **_: Any) -> FeedRejectedError:
        return FeedRejectedError(**_fields(exception), reason=exception.reason)


EXCEPTION_HANDLERS: tuple[strawberry.ExceptionHandler[Any, Any], ...] = (
    _Plain(domain.Forbidden, ForbiddenError),
    _Plain(domain.NotFound, NotFoundError),
    _Plain(domain.Conflict, ConflictError),
    _Plain(domain.IllegalTransition, IllegalTransitionError),
    _Plain(domain.InvalidCredentials, InvalidCredentialsError),
    _InvalidInput(),
    _InvalidModel(),
    _RefusedValue(),
    _TooManyAttempts(),
    _FeedRejected(),
)
