"""Errors on the wire: what a client may see, under which code, and with which HTTP status.

Only this module knows HTTP statuses of errors. A domain error (`resolvers.errors`) shows its own message and code;
what graphql-core says about a request shows under Apollo's code names; anything else is a defect: it is logged once
with its traceback and shows as "Internal server error" with an `errorId` that finds the log line.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import structlog
from graphql import FieldNode, GraphQLError
from strawberry.pydantic import InputValidationError

from persistence.errors import DatabaseUnavailable, RefusedValue, StatementTooLong
from resolvers.errors import DomainError, FeedRejected, InvalidInput, TooManyAttempts
from schema.errors import invalid_input

FormattedError = dict[str, Any]
"""One entry of a response's `errors`, plain values ready for JSON."""

MASKED_MESSAGE: Final = "Internal server error"
TIMEOUT_MESSAGE: Final = "The operation took too long and was stopped."
TOO_MUCH_MESSAGE: Final = "This takes too long to work out and was stopped; choose a shorter range or fewer objects."
UNAVAILABLE_MESSAGE: Final = "The database does not answer right now; a change may or may not have been made."


class Code(StrEnum):
    """`extensions.code` of the errors that the gateway itself makes; domain errors bring their own."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_MISMATCH = "PERSISTED_QUERY_MISMATCH"
    DOCUMENT_NOT_FOUND = "DOCUMENT_NOT_FOUND"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    INTROSPECTION_TOO_DEEP = "INTROSPECTION_TOO_DEEP"
    VARIABLES_TOO_LARGE = "VARIABLES_TOO_LARGE"
    COST_LIMIT_EXCEEDED = "COST_LIMIT_EXCEEDED"
    THROTTLED = "THROTTLED"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
    TOO_MANY_DIRECTIVES = "TOO_MANY_DIRECTIVES"
    TOO_MANY_FIELDS = "TOO_MANY_FIELDS"
    DOCUMENT_TOO_DEEP = "DOCUMENT_TOO_DEEP"
    INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"
    BAD_REQUEST = "BAD_REQUEST"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    CSRF_REJECTED = "CSRF_REJECTED"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {
        Code.INTROSPECTION_DISABLED: 403,
        Code.CSRF_REJECTED: 403,
        Code.METHOD_NOT_ALLOWED: 405,
        Code.NOT_ACCEPTABLE: 406,
        Code.REQUEST_TIMEOUT: 408,
        Code.REQUEST_TOO_LARGE: 413,
        Code.UNSUPPORTED_MEDIA_TYPE: 415,
        Code.TIMEOUT: 504,
        Code.UNAVAILABLE: 503,
        Code.INTERNAL_SERVER_ERROR: 500,
        Code.DOCUMENT_NOT_TRUSTED: 403,
        Code.TOO_MANY_OPERATIONS: 429,
        Code.THROTTLED: 429,
        "UNAUTHENTICATED": 401,
        "INVALID_CREDENTIALS": 401,
        "FORBIDDEN": 403,
        "NOT_FOUND": 404,
        "CONFLICT": 409,
        "ILLEGAL_TRANSITION": 409,
        "TOO_MANY_ATTEMPTS": 429,
        "BUSY": 429,
    }
)
"""HTTP status of a request that fails as a whole; a code that is not listed is 400."""

WELL_FORMED: Final = frozenset(
    {
        Code.GRAPHQL_PARSE_FAILED,
        Code.GRAPHQL_VALIDATION_FAILED,
        Code.BAD_USER_INPUT,
        Code.OPERATION_RESOLUTION_FAILURE,
        Code.PERSISTED_QUERY_NOT_SUPPORTED,
        Code.PERSISTED_QUERY_NOT_FOUND,
        Code.PERSISTED_QUERY_MISMATCH,
        Code.DOCUMENT_NOT_FOUND,
        Code.DOCUMENT_NOT_TRUSTED,
        Code.INTROSPECTION_TOO_DEEP,
        Code.COST_LIMIT_EXCEEDED,
        Code.TOO_MANY_TOKENS,
        Code.TOO_MANY_ALIASES,
        Code.TOO_MANY_DIRECTIVES,
        Code.TOO_MANY_FIELDS,
        Code.DOCUMENT_TOO_DEEP,
        Code.INTROSPECTION_DISABLED,
    }
)
"""Failures of a well-formed GraphQL request: with the legacy media type application/json they stay 200."""


class RequestRejected(Exception):
    """The request is refused before anything executes: the response has `errors` and no `data`.

    `headers` are response headers that explain the refusal (Allow, Accept, Retry-After).
    """

    def __init__(self, code: str, errors: Sequence[GraphQLError], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def rejected(code: str, message: str, headers: Mapping[str, str] | None = None) -> RequestRejected:
    """A RequestRejected of one error without a location."""
    return RequestRejected(code, [GraphQLError(message)], headers)


def http_status(code: str, *, legacy: bool) -> int:
    """Status of a response without `data`; `legacy` means that the client accepts application/json only."""
    if legacy and code in WELL_FORMED:
        return 200
    return STATUSES.get(code, 400)


def retry_headers(error: DomainError) -> dict[str, str]:
    """Headers that tell a client what to do about a request-level domain error."""
    if isinstance(error, TooManyAttempts):
        return {"retry-after": str(max(1, round(error.retry_after)))}
    return {"www-authenticate": 'Bearer realm="podgraph"'} if error.code == "UNAUTHENTICATED" else {}


class ErrorMask:
    """Formats errors and hides defects; every payload of every transport goes through one of these."""

    def __init__(self, new_error_id: Callable[[], str], log: structlog.typing.FilteringBoundLogger) -> None:
        self._new_error_id = new_error_id
        self._log = log

    def request_errors(self, rejection: RequestRejected) -> list[FormattedError]:
        """Errors of a refused request: each says what it says, under the rejection's code."""
        code = str(rejection.code)
        return [
            _located(error, error.message, {"code": code, **(error.extensions or {})}) for error in rejection.errors
        ]

    def domain_error(self, error: DomainError) -> FormattedError:
        """A domain error that stopped the whole request, for example bad credentials."""
        return {"message": error.message, "extensions": _domain_extensions(error)}

    def execution_errors(self, errors: Sequence[GraphQLError]) -> list[FormattedError]:
        """Errors of fields, in order; one defect that hit many fields is logged once and keeps one id."""
        ids: dict[tuple[type[BaseException], str], str] = {}
        return [self._execution_error(error, ids) for error in errors]

    def failure(self, error: BaseException) -> tuple[str, FormattedError]:
        """Code and error of what stopped a whole operation and is not the client's to mend; logged here."""
        code, message = _failure(error)
        return code, {"message": message, "extensions": self._masked(error, {}) | {"code": str(code)}}

    def _execution_error(self, error: GraphQLError, ids: dict[tuple[type[BaseException], str], str]) -> FormattedError:
        cause = _cause(error)
        if isinstance(cause, InputValidationError | RefusedValue):
            cause = invalid_input(cause)
        if isinstance(cause, DomainError):
            return _located(error, cause.message, _domain_extensions(cause))
        if cause is None and (extensions := _public_extensions(error)):
            return _located(error, error.message, extensions)
        code, message = _failure(cause or error)
        path = ".".join(str(key) for key in error.path or ())
        return _located(error, message, self._masked(cause or error, ids, path=path) | {"code": str(code)})

    def _masked(
        self, error: BaseException, ids: dict[tuple[type[BaseException], str], str], **fields: object
    ) -> dict[str, Any]:
        known = ids.get((type(error), str(error)))
        if known is None:
            known = ids[type(error), str(error)] = self._new_error_id()
            self._log.error("defect", error_id=known, exc_info=error, **fields)
        return {"code": str(Code.INTERNAL_SERVER_ERROR), "errorId": known}


def _failure(error: BaseException) -> tuple[Code, str]:
    if isinstance(error, TimeoutError):
        return Code.TIMEOUT, TIMEOUT_MESSAGE
    if isinstance(error, StatementTooLong):
        return Code.TIMEOUT, TOO_MUCH_MESSAGE
    if isinstance(error, DatabaseUnavailable):
        return Code.UNAVAILABLE, UNAVAILABLE_MESSAGE
    return Code.INTERNAL_SERVER_ERROR, MASKED_MESSAGE


def _cause(error: GraphQLError) -> BaseException | None:
    cause: object = error.original_error
    while isinstance(cause, GraphQLError) and not isinstance(cause, InputValidationError):
        cause = cause.original_error
    return cause if isinstance(cause, BaseException) else None


def _public_extensions(error: GraphQLError) -> dict[str, Any]:
    """Extensions of an error that graphql-core or the schema raised on purpose; empty for a defect.

    A result that does not fit its type is ours and points at a field; an argument that does not fit its type is the
    client's and points at a value.
    """
    if error.extensions and "code" in error.extensions:
        return dict(error.extensions)
    if error.nodes and not all(isinstance(node, FieldNode) for node in error.nodes):
        return {"code": str(Code.BAD_USER_INPUT)}
    return {}


def _domain_extensions(error: DomainError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": error.code}
    if error.path:
        extensions["argumentPath"] = list(error.path)
    if isinstance(error, InvalidInput):
        extensions["problems"] = [{"code": p.code, "message": p.message, "path": list(p.path)} for p in error.problems]
    elif isinstance(error, TooManyAttempts):
        extensions["retryAfter"] = error.retry_after
    elif isinstance(error, FeedRejected):
        extensions["reason"] = error.reason
    return extensions


def _located(error: GraphQLError, message: str, extensions: dict[str, Any]) -> FormattedError:
    formatted: FormattedError = {"message": message}
    if error.locations:
        formatted["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        formatted["path"] = list(error.path)
    formatted["extensions"] = extensions
    return formatted
