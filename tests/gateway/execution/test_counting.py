"""The objects that the reference executor counts."""

from typing import Any

import pytest
from graphql import GraphQLError, build_schema, parse

from gateway.cost.tally import Tally
from gateway.execution.reference import CountingExecutor

SCHEMA = build_schema("""
type Query { cats: [Pet] cat: Cat broken: Cat! must: Must }
type Subscription { tick: Cat }
interface Pet { id: ID }
type Cat implements Pet { id: ID friend: Cat must: Must! }
type Dog implements Pet { id: ID }
type Must { id: ID! }
""")
CATS: Any = {"__typename": "Cat", "id": "1", "friend": {"__typename": "Cat", "id": "2"}, "must": {"id": "3"}}
ROOT: Any = {
    "cats": [CATS, None, {"__typename": "Dog", "id": "4"}, CATS, {"__typename": "Nothing"}],
    "cat": CATS,
    "must": {"id": None},
}


def counts(query: str, root: Any = ROOT) -> dict[tuple[str, str], int]:
    tally = Tally()
    executor = CountingExecutor.build(SCHEMA, parse(query), root)
    assert isinstance(executor, CountingExecutor)
    executor.begin(tally)
    executor.execute_operation()
    return {(".".join(one.path), one.group[0]): one.times for one in tally}


def test_objects_are_counted_by_place_and_type_nulls_and_what_has_no_type_are_not() -> None:
    assert counts("{ cats { id ... on Cat { friend { id } } } }") == {
        ("", "Query"): 1,
        ("cats", "Cat"): 2,
        ("cats", "Dog"): 1,
        ("cats.friend", "Cat"): 2,
    }


def test_an_object_counts_although_its_fields_fail() -> None:
    assert counts("{ must { id } }") == {("", "Query"): 1, ("must", "Must"): 1}
    assert counts("{ cat { id } broken { id } }") == {("", "Query"): 1, ("cat", "Cat"): 1}


def test_places_that_share_a_fragment_are_counted_apart() -> None:
    found = counts(
        "{ a: cat { ...F } b: cat { ...F } c: cats { ... on Cat { ...F } } } fragment F on Cat { friend { id } }"
    )
    assert found == {
        ("", "Query"): 1,
        ("a", "Cat"): 1,
        ("a.friend", "Cat"): 1,
        ("b", "Cat"): 1,
        ("b.friend", "Cat"): 1,
        ("c", "Cat"): 2,
        ("c", "Dog"): 1,
        ("c.friend", "Cat"): 2,
    }


def test_each_event_is_counted_in_a_tally_of_its_own() -> None:
    executor = CountingExecutor.build(SCHEMA, parse("subscription { tick { id friend { id } } }"))
    assert isinstance(executor, CountingExecutor)
    executor.begin(Tally())
    for payload, expected in (({"tick": CATS}, [1, 1, 1]), ({"tick": None}, [1]), ({"tick": CATS}, [1, 1, 1])):
        event = executor.build_per_event_executor(payload)
        tally = Tally()
        event.begin(tally)
        event.execute_operation()
        assert [one.times for one in tally] == expected


def test_what_one_event_collected_is_not_kept_for_the_next() -> None:
    executor = CountingExecutor.build(SCHEMA, parse("subscription { tick { id friend { id } } }"))
    assert isinstance(executor, CountingExecutor)
    executor.begin(Tally())
    for _ in range(3):
        event = executor.build_per_event_executor({"tick": CATS})
        event.begin(Tally())
        event.execute_operation()
        assert len(event._relevant_sub_fields) == 2
    assert executor._relevant_sub_fields == {}


def test_a_broken_document_raises_nothing_but_its_errors() -> None:
    executor = CountingExecutor.build(SCHEMA, parse("query($n: Int!) { cat { id } }"))
    assert isinstance(executor, list)
    assert all(isinstance(error, GraphQLError) for error in executor)


@pytest.mark.parametrize("times", [1, 7])
def test_counting_by_hand_adds_up(times: int) -> None:
    tally = Tally()
    tally.count("Cat", (), ("a",), times)
    tally.count("Cat", (), ("a",))
    tally.count("Cat", (), ("b",))
    assert [(one.path, one.times) for one in tally] == [(("a",), times + 1), (("b",), 1)]
