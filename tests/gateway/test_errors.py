"""What clients see of errors, and what they do not."""

import itertools

import pytest
import structlog
from graphql import GraphQLError, parse
from structlog.testing import LogCapture

from gateway.errors import Code, ErrorMask, RequestRejected, http_status, rejected, retry_headers
from persistence.errors import StatementTooLong
from resolvers.errors import (
    Conflict,
    DomainError,
    FeedRejected,
    Forbidden,
    InvalidInput,
    NotFound,
    Problem,
    TooManyAttempts,
    Unauthenticated,
)


@pytest.fixture
def logs() -> LogCapture:
    return LogCapture()


@pytest.fixture
def mask(logs: LogCapture) -> ErrorMask:
    numbers = itertools.count(1)
    log = structlog.wrap_logger(None, processors=[logs], wrapper_class=structlog.BoundLogger)
    return ErrorMask(lambda: f"error-{next(numbers)}", log)


def field_error(original: Exception, *path: str | int) -> GraphQLError:
    return GraphQLError(str(original), path=list(path), original_error=original)


@pytest.mark.parametrize(
    ("error", "extensions"),
    [
        (NotFound("No such campaign."), {"code": "NOT_FOUND"}),
        (Conflict("Changed.", ("input", "version")), {"code": "CONFLICT", "argumentPath": ["input", "version"]}),
        (TooManyAttempts("Slow down.", 2.5), {"code": "TOO_MANY_ATTEMPTS", "retryAfter": 2.5}),
        (
            FeedRejected("TOO_LARGE", "The feed is too large."),
            {"code": "FEED_REJECTED", "argumentPath": ["url"], "reason": "TOO_LARGE"},
        ),
        (
            InvalidInput([Problem("EMPTY", "Empty.", ("name",)), Problem("LATE", "Too late.", ("endsOn",))]),
            {
                "code": "INVALID_INPUT",
                "argumentPath": ["name"],
                "problems": [
                    {"code": "EMPTY", "message": "Empty.", "path": ["name"]},
                    {"code": "LATE", "message": "Too late.", "path": ["endsOn"]},
                ],
            },
        ),
    ],
)
def test_domain_error_shows_its_own_words(
    mask: ErrorMask, logs: LogCapture, error: DomainError, extensions: dict[str, object]
) -> None:
    assert mask.execution_errors([field_error(error, "campaign", 0)]) == [
        {"message": error.message, "path": ["campaign", 0], "extensions": extensions}
    ]
    assert mask.domain_error(error) == {"message": error.message, "extensions": extensions}
    assert logs.entries == []


def test_domain_error_wrapped_twice_is_still_found(mask: ErrorMask) -> None:
    inner = GraphQLError("wrapped", original_error=Forbidden("Not yours."))
    [formatted] = mask.execution_errors([GraphQLError("again", original_error=inner)])
    assert formatted == {"message": "Not yours.", "extensions": {"code": "FORBIDDEN"}}


def test_defect_is_masked_and_logged_with_its_cause(mask: ErrorMask, logs: LogCapture) -> None:
    defect = KeyError("password=hunter2")
    [formatted] = mask.execution_errors([field_error(defect, "a", 3, "b")])
    assert formatted == {
        "message": "Internal server error",
        "path": ["a", 3, "b"],
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "errorId": "error-1"},
    }
    [entry] = logs.entries
    assert (entry["error_id"], entry["exc_info"], entry["path"]) == ("error-1", defect, "a.3.b")


def test_one_defect_at_many_fields_is_logged_once(mask: ErrorMask, logs: LogCapture) -> None:
    defect = RuntimeError("lost")
    formatted = mask.execution_errors([field_error(defect, "rows", row) for row in range(1_000)])
    assert {error["extensions"]["errorId"] for error in formatted} == {"error-1"}
    assert len(logs.entries) == 1


def test_two_defects_have_two_ids(mask: ErrorMask, logs: LogCapture) -> None:
    mask.execution_errors([field_error(RuntimeError("a"), "x"), field_error(RuntimeError("b"), "x")])
    assert [entry["error_id"] for entry in logs.entries] == ["error-1", "error-2"]


def test_timeout_of_a_resource_says_so_and_hides_which(mask: ErrorMask, logs: LogCapture) -> None:
    [formatted] = mask.execution_errors([field_error(TimeoutError("db1.internal:5432"), "a")])
    assert formatted["message"] == "The operation took too long and was stopped."
    assert formatted["extensions"] == {"code": "TIMEOUT", "errorId": "error-1"}
    assert len(logs.entries) == 1


def test_question_that_is_too_much_for_the_database_says_what_to_do(mask: ErrorMask) -> None:
    [formatted] = mask.execution_errors([field_error(StatementTooLong("db1.internal:5432"), "a")])
    assert formatted["extensions"]["code"] == "TIMEOUT"
    assert formatted["message"].endswith("choose a shorter range or fewer objects.")


def test_error_with_a_code_of_its_own_is_shown(mask: ErrorMask) -> None:
    [formatted] = mask.execution_errors([GraphQLError("Gone.", extensions={"code": "GONE"})])
    assert formatted == {"message": "Gone.", "extensions": {"code": "GONE"}}


def test_result_that_does_not_fit_its_type_is_a_defect_and_an_argument_is_not(mask: ErrorMask) -> None:
    field = parse("{ a(b: 1) }").definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]  # an operation
    result, argument = mask.execution_errors(
        [GraphQLError("Int cannot represent 'secret'.", field), GraphQLError("Bad.", field.arguments[0].value)]
    )
    assert result["message"] == "Internal server error"
    assert argument["message"] == "Bad."
    assert argument["extensions"] == {"code": "BAD_USER_INPUT"}


def test_rejection_shows_every_error_under_its_code(mask: ErrorMask) -> None:
    errors = mask.request_errors(
        RequestRejected(Code.GRAPHQL_VALIDATION_FAILED, [GraphQLError("a"), GraphQLError("b")])
    )
    assert errors == [
        {"message": "a", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}},
        {"message": "b", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}},
    ]


@pytest.mark.parametrize(
    ("code", "newer", "legacy"),
    [
        ("GRAPHQL_PARSE_FAILED", 400, 200),
        ("INTROSPECTION_DISABLED", 403, 200),
        ("BAD_REQUEST", 400, 400),
        ("UNAUTHENTICATED", 401, 401),
        ("TOO_MANY_ATTEMPTS", 429, 429),
        ("TIMEOUT", 504, 504),
        ("INTERNAL_SERVER_ERROR", 500, 500),
        ("A_CODE_OF_A_LATER_ISSUE", 400, 400),
    ],
)
def test_status_depends_on_the_code_and_on_the_media_type(code: str, newer: int, legacy: int) -> None:
    assert (http_status(code, legacy=False), http_status(code, legacy=True)) == (newer, legacy)


def test_refusals_tell_what_to_do(mask: ErrorMask) -> None:
    assert retry_headers(Unauthenticated("No.")) == {"www-authenticate": 'Bearer realm="podgraph"'}
    assert retry_headers(TooManyAttempts("Slow.", 0.2)) == {"retry-after": "1"}
    assert retry_headers(NotFound("No.")) == {}
    assert rejected(Code.METHOD_NOT_ALLOWED, "No.", {"allow": "POST"}).headers == {"allow": "POST"}
