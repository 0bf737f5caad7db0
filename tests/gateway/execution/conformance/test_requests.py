"""GraphQL specification, September 2025, "Executing Requests": the operation, and its variables."""

from typing import Any

import pytest

from gateway.errors import RequestRejected
from tests.gateway.execution.conformance.stage import Film, Person, Review, Stage

TWO = "query One { text } query Two { key }"
HERO = {"best": Person()}


async def test_the_only_operation_runs_without_its_name(stage: Stage) -> None:
    assert await stage.data("query One { text }", {"text": "a"}) == '{"text":"a"}'


async def test_of_several_operations_the_named_one_runs(stage: Stage) -> None:
    assert await stage.data(TWO, {"text": "a", "key": "b"}, operation="Two") == '{"key":"b"}'
    assert stage.script.calls == [("key", 1)]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (None, "Must provide operation name if query contains multiple operations."),
        ("Three", "Unknown operation named 'Three'."),
    ],
)
async def test_an_operation_that_is_not_clear_runs_nothing(stage: Stage, operation: str | None, message: str) -> None:
    execution: Any = None
    try:
        execution = await stage.execution(TWO, operation=operation)
        messages = [error.message for error in execution.errors]
    except RequestRejected as error:
        messages = [one.message for one in error.errors]
    assert messages == [message]
    assert stage.script.calls == []


SAID = 'query Said($text: String! = "of the operation", $number: Int) { best { said(text: $text, number: $number) } }'


async def said(stage: Stage, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """What the resolver was called with."""
    await stage.data(query, HERO, variables)
    [arguments] = [given for name, given in stage.script.calls if name == "said"]
    assert isinstance(arguments, dict)
    return arguments


async def test_a_variable_that_is_left_out_has_its_default(stage: Stage) -> None:
    assert (await said(stage, SAID, {}))["text"] == "of the operation"


async def test_a_variable_that_is_given_has_no_default(stage: Stage) -> None:
    assert (await said(stage, SAID, {"text": "given"}))["text"] == "given"


async def test_null_is_given_and_nothing_given_is_not(stage: Stage) -> None:
    assert (await said(stage, SAID, {"number": None}))["number"] is None
    assert (await said(stage, SAID, {}))["number"] == 7


async def test_a_default_of_null_is_null(stage: Stage) -> None:
    query = "query Said($number: Int = null) { best { said(number: $number) } }"
    assert (await said(stage, query, {}))["number"] is None


async def test_variables_are_coerced_by_their_types(stage: Stage) -> None:
    query = """query Said($review: Review, $film: Film!, $many: [Int!]) {
      best { said(review: $review, film: $film, many: $many) } }"""
    given = await said(stage, query, {"review": {"stars": 5, "tags": "one"}, "film": "NEWHOPE", "many": 3})
    assert given["review"] == Review(stars=5, commentary="none", tags=["one"])
    assert (given["film"], given["many"]) == (Film.NEWHOPE, [3])


@pytest.mark.parametrize(
    ("declared", "variables"),
    [
        ("$x: Int!", {}),
        ("$x: Int!", {"x": None}),
        ("$x: Int!", {"x": "1"}),
        ("$x: Int!", {"x": 2**31}),
        ("$x: Int!", {"x": 1.5}),
        ("$x: Int!", {"x": [1]}),
    ],
)
async def test_variables_that_do_not_fit_run_nothing(stage: Stage, declared: str, variables: dict[str, Any]) -> None:
    with pytest.raises(RequestRejected) as caught:
        await stage.execution(f"query Needs({declared}) {{ best {{ needs(must: $x) }} }}", HERO, variables)
    assert caught.value.code == "BAD_USER_INPUT"
    assert len(caught.value.errors) == 1
    assert stage.script.calls == []


async def test_what_is_not_declared_is_not_looked_at(stage: Stage) -> None:
    assert await stage.data("{ text }", {"text": "a"}, {"other": 1}) == '{"text":"a"}'
