"""GraphQL specification, September 2025, "Executing Operations": queries, mutations, subscriptions."""

import msgspec

from gateway.cost.tally import Tally
from gateway.execution.executor import Execution
from tests.gateway.execution.conformance.stage import Person, Stage
from tests.gateway.execution.leftovers import LEFTOVERS

pytestmark = LEFTOVERS


async def test_a_query_gives_data_and_errors(stage: Stage) -> None:
    root = {"text": "a", "integer": ValueError("no")}
    assert await stage.errors("{ text integer }", root) == ('{"text":"a","integer":null}', [("no", ["integer"])])


async def test_fields_of_a_query_begin_before_any_of_them_ends(stage: Stage) -> None:
    root = {"best": Person(links={"friend": Person()}), "friend": Person(links={"friend": Person()})}
    await stage.data("{ best { friend { name } } friend { friend { name } } }", root)
    assert [name for name, _ in stage.script.calls] == ["best", "friend", "friend", "friend"]


async def test_fields_of_a_mutation_run_one_after_another(stage: Stage) -> None:
    query = """mutation {
      first: changeTheNumber(newNumber: 1) { theNumber }
      second: changeTheNumber(newNumber: 3) { theNumber }
      third: changeTheNumber(newNumber: 2) { theNumber }
    }"""
    execution = await stage.execution(query)
    assert execution.data == {"first": {"theNumber": 1}, "second": {"theNumber": 3}, "third": {"theNumber": 2}}
    assert stage.script.calls == [("changed", 1), ("changed", 3), ("changed", 2)]


async def test_a_mutation_that_fails_stops_the_ones_after_it_where_it_must_not_be_null(stage: Stage) -> None:
    query = """mutation { changeTheNumber(newNumber: 5) { theNumber } failToChange { theNumber }
      last: changeTheNumber(newNumber: 6) { theNumber } }"""
    execution = await stage.execution(query)
    assert execution.data is None
    assert [(error.message, error.path) for error in execution.errors] == [("It stays.", ["failToChange"])]
    assert stage.script.calls == [("changed", 5)]


async def test_each_event_of_a_subscription_is_executed(stage: Stage) -> None:
    events = await stage.events("subscription { numbers(to: 2) { __typename n: theNumber } }")
    assert not isinstance(events, Execution)
    found = [msgspec.json.encode((await event(Tally())).data).decode() async for event in events]
    assert found == [f'{{"numbers":{{"__typename":"Number","n":{number}}}}}' for number in (1, 2)]


async def test_unsubscribing_closes_the_source(stage: Stage) -> None:
    events = await stage.events("subscription { numbers(to: 9) { theNumber } }")
    assert not isinstance(events, Execution)
    await anext(events)
    await events.aclose()
    assert stage.script.calls == [("closed", 9)]


async def test_a_source_that_does_not_open_is_an_error_without_data(stage: Stage) -> None:
    opened = await stage.events("subscription { refused { theNumber } }")
    assert isinstance(opened, Execution)
    assert (opened.data, [error.message for error in opened.errors]) == (None, ["There is none."])
