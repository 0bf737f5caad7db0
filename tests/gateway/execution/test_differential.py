"""The comparison itself: what it takes for alike, and that it finds and shrinks what is not."""

from typing import Any

import msgspec
import pytest
from graphql import GraphQLSchema

from gateway.cost.calibration.queries import GeneratedQuery
from gateway.execution.executor import Execution, Job
from resolvers.context import Services
from tests.gateway.execution.answers import Answer, Complaint, Path, alike
from tests.gateway.execution.conformance.stage import Person, Script, schema
from tests.gateway.execution.differential import Differential
from tests.gateway.execution.executors import CountedReference, Subject, reference

ROOT = {"text": "a", "best": Person("Ada", 1, {"friend": Person("Eve", 2), "text": "t"})}


class Liar(CountedReference[Any]):
    """Says of every person that they are called Bob, if they are asked for by their number too."""

    async def execute(self, job: Job, context: Any) -> Execution:
        execution = await super().execute(job, context)
        return Execution(_lied(execution.data), execution.errors)


def _lied(value: Any) -> Any:
    if isinstance(value, dict):
        lied = {key: _lied(item) for key, item in value.items()}
        return {**lied, "name": "Bob"} if {"name", "number"} <= lied.keys() else lied
    return value


def liar(graph: GraphQLSchema) -> Subject[Any]:
    executor = Liar(graph, seconds=10)
    return Subject(executor, executor)


async def test_the_smallest_query_of_a_difference_is_told(services: Services) -> None:
    both: Differential[Script] = Differential(schema, reference, liar)
    query = GeneratedQuery(
        """query Large($a: Boolean!, $t: String) { text ...F best { text said(text: $t) @include(if: $a) } key }
           fragment F on Query { b: best { name ... on Human { friend { number } } ... { number text } } text }""",
        {"a": True, "t": "x"},
    )
    with pytest.raises(AssertionError) as caught:
        await both.ask(query, lambda: Script(services, ROOT))
    told = "".join(str(caught.value).split())
    assert told.startswith('queryLarge{...onQuery{b:best{name...{number}}}}variables:{}{"b":{"name":"Ada","number":1}}')
    assert '{"b":{"name":"Bob","number":1}}' in told


async def test_what_is_alike_is_counted(services: Services) -> None:
    both: Differential[Script] = Differential(schema, reference, reference)
    for text in ("{ text }", "{ best { name } }", "{ text }", "{ nothing }"):
        await both.ask(GeneratedQuery(text, {}), lambda: Script(services, ROOT))
    assert (both.invalid, both.with_rows, both.compiled) == (1, 1, 0)


def complaint(*path: str | int, message: str = "no") -> Complaint:
    return Complaint(path, message, "ValueError", [(1, 1)], {})


def found(data: Any, *errors: Complaint, **counted: int) -> Answer:
    return Answer(msgspec.json.encode(data), errors, {tuple(key.split("_")): times for key, times in counted.items()})


def test_order_of_keys_and_every_part_of_an_error_counts() -> None:
    assert not alike(found({"a": 1, "b": 2}), found({"b": 2, "a": 1}))
    one = complaint("a")
    assert alike(found({"a": None}, one), found({"a": None}, one))
    assert not alike(found({"a": None}, one), found({"a": None}))
    for change in ({"message": "x"}, {"kind": "KeyError"}, {"locations": [(1, 2)]}, {"extensions": {"code": "X"}}):
        other = msgspec.structs.replace(one, **change)
        assert not alike(found({"a": None}, one), found({"a": None}, other))


def test_errors_of_different_places_may_come_in_any_order() -> None:
    one, other = complaint("a"), complaint("b")
    assert alike(found({"a": None, "b": None}, one, other), found({"a": None, "b": None}, other, one))


def test_counts_are_equal_but_below_what_an_error_made_null() -> None:
    assert not alike(found({"a": 1}, Query=1), found({"a": 1}, Query=2))
    error = complaint("a", "x")
    assert alike(found({"a": None}, error, Query=1, a_A=1, a_b_B=3), found({"a": None}, error, Query=1, a_A=1))
    assert not alike(found({"a": None}, error, Query=1, b_B=1), found({"a": None}, error, Query=1))


def test_below_what_is_null_a_second_error_may_be_missing_but_the_first_may_not() -> None:
    path: Path = ("a", "x")
    both = found({"a": None}, complaint(*path), complaint("a", "y"))
    assert alike(both, found({"a": None}, complaint("a", "y")))
    assert not alike(both, found({"a": None}))
    assert not alike(both, found({"a": None}, complaint(*path, message="another")))
