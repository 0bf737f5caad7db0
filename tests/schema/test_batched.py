"""`batched` fields under graphql-core: all parents of a level in one call, in their order."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import pytest
import strawberry
from strawberry.types import ExecutionResult

from resolvers.context import RequestContext, Services
from schema.fields import BATCH_RESOLVER, batched, root_field
from schema.info import Info
from schema.relay import of_record


class TreeRecord(msgspec.Struct, frozen=True):
    """Cannot be hashed, as records with lists cannot."""

    number: int
    tags: list[str]


def trees(*numbers: int) -> list[TreeRecord]:
    return [TreeRecord(number, ["tag"]) for number in numbers]


class Calls(RequestContext):
    """A context that keeps what the resolvers were called with."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, None)
        self.calls: list[tuple[str, list[int], dict[str, Any]]] = []

    def note(self, field: str, parents: Sequence[TreeRecord], **arguments: Any) -> None:
        self.calls.append((field, [parent.number for parent in parents], arguments))


def noted(info: Info) -> Calls:
    assert isinstance(info.context, Calls)
    return info.context


@strawberry.type
class Tree:
    is_type_of = of_record(TreeRecord)

    number: int

    @batched(graphql_type=Annotated["Tree", strawberry.lazy("tests.schema.test_batched")], description="Ten more.")
    @staticmethod
    async def next(parents: Sequence[TreeRecord], info: Info, step: int = 10) -> list[TreeRecord]:
        noted(info).note("next", parents, step=step)
        return trees(*(parent.number + step for parent in parents))

    @batched(graphql_type=list[Annotated["Tree", strawberry.lazy("tests.schema.test_batched")]], description="As many.")
    @staticmethod
    async def children(parents: Sequence[TreeRecord], info: Info) -> list[list[TreeRecord]]:
        noted(info).note("children", parents)
        await asyncio.sleep(0)
        return [trees(*range(parent.number)) for parent in parents]

    @batched(graphql_type=int, description="Fails.", deprecation_reason="It fails.")
    @staticmethod
    async def failing(parents: Sequence[TreeRecord], info: Info) -> list[int]:
        noted(info).note("failing", parents)
        raise LookupError("nothing here")

    @batched(graphql_type=int | None, description="One too few.")
    @staticmethod
    async def short(parents: Sequence[TreeRecord], info: Info) -> list[int]:
        return [parent.number for parent in parents][1:]


class RootRecord(msgspec.Struct, frozen=True):
    weight: int


@strawberry.interface
class Weighed:
    heaviness: int


@strawberry.type
class Root(Weighed):
    is_type_of = of_record(RootRecord)

    @batched(graphql_type=int, description="What the root weighs.")  # type: ignore[misc]  # as Strawberry allows
    @staticmethod
    async def heaviness(parents: Sequence[RootRecord], info: Info) -> list[int]:
        return [parent.weight for parent in parents]


@strawberry.type
class Leaf(Weighed):
    is_type_of = of_record(TreeRecord)

    @batched(graphql_type=int, description="A hundred times its number.")  # type: ignore[misc]  # as Strawberry allows
    @staticmethod
    async def heaviness(parents: Sequence[TreeRecord], info: Info) -> list[int]:
        return [parent.number * 100 for parent in parents]


@strawberry.type
class Query:
    @root_field(graphql_type=list[Weighed], description="Two kinds of things.")
    @staticmethod
    async def weighed(info: Info) -> list[Any]:
        return [TreeRecord(1, []), RootRecord(7), TreeRecord(2, [])]

    @root_field(graphql_type=list[Tree], description="Trees of these numbers.")
    @staticmethod
    async def trees(info: Info, numbers: list[int]) -> list[TreeRecord]:
        return trees(*numbers)


@pytest.fixture(scope="module")
def graph() -> strawberry.Schema:
    return strawberry.Schema(query=Query, types=[Root, Leaf])


@pytest.fixture
def context(services: Services) -> Calls:
    return Calls(services)


async def run(graph: strawberry.Schema, context: Calls, query: str) -> ExecutionResult:
    result = await graph.execute(query, context_value=context)
    assert isinstance(result, ExecutionResult)
    return result


async def test_all_parents_of_a_level_come_in_one_call_in_their_order(graph: strawberry.Schema, context: Calls) -> None:
    result = await run(graph, context, "{ trees(numbers: [3, 1, 2]) { next { number next { number } } } }")
    assert result.data == {
        "trees": [{"next": {"number": n + 10, "next": {"number": n + 20}}} for n in (3, 1, 2)],
    }
    assert context.calls == [("next", [3, 1, 2], {"step": 10}), ("next", [13, 11, 12], {"step": 10})]


async def test_one_selection_on_an_interface_asks_each_type_for_its_own(
    graph: strawberry.Schema, context: Calls
) -> None:
    result = await run(graph, context, "{ weighed { heaviness } }")
    assert result.data == {"weighed": [{"heaviness": 100}, {"heaviness": 7}, {"heaviness": 200}]}


async def test_lists_within_lists_are_one_level(graph: strawberry.Schema, context: Calls) -> None:
    result = await run(graph, context, "{ trees(numbers: [2, 0, 3]) { children { next { number } } } }")
    assert result.errors is None
    assert context.calls == [("children", [2, 0, 3], {}), ("next", [0, 1, 0, 1, 2], {"step": 10})]


async def test_equal_parents_are_each_answered(graph: strawberry.Schema, context: Calls) -> None:
    result = await run(graph, context, "{ trees(numbers: [1, 1]) { next { number } } }")
    assert result.data == {"trees": [{"next": {"number": 11}}] * 2}
    assert context.calls == [("next", [1, 1], {"step": 10})]


async def test_aliases_with_their_own_arguments_are_their_own_calls(graph: strawberry.Schema, context: Calls) -> None:
    result = await run(
        graph, context, "{ trees(numbers: [1, 2]) { a: next(step: 1) { number } b: next(step: 2) { number } } }"
    )
    assert result.data == {"trees": [{"a": {"number": n + 1}, "b": {"number": n + 2}} for n in (1, 2)]}
    assert context.calls == [("next", [1, 2], {"step": 1}), ("next", [1, 2], {"step": 2})]


async def test_merged_selections_are_one_call(graph: strawberry.Schema, context: Calls) -> None:
    query = "{ trees(numbers: [1]) { next { number } ...F } } fragment F on Tree { next { twice: number } }"
    result = await run(graph, context, query)
    assert result.data == {"trees": [{"next": {"number": 11, "twice": 11}}]}
    assert context.calls == [("next", [1], {"step": 10})]


async def test_fragment_used_at_two_depths_is_called_at_each(graph: strawberry.Schema, context: Calls) -> None:
    query = "{ trees(numbers: [1, 2]) { ...F next(step: 5) { ...F } } } fragment F on Tree { later: next { number } }"
    result = await run(graph, context, query)
    assert result.data == {
        "trees": [{"later": {"number": n + 10}, "next": {"later": {"number": n + 15}}} for n in (1, 2)],
    }
    assert sorted(parents for _, parents, _ in context.calls) == [[1, 2], [1, 2], [6, 7]]


async def test_arguments_come_from_variables(graph: strawberry.Schema, context: Calls) -> None:
    query = "query Q($step: Int!) { trees(numbers: [1]) { next(step: $step) { number } } }"
    for step in (1, 2):
        result = await graph.execute(query, variable_values={"step": step}, context_value=Calls(context.services))
        assert isinstance(result, ExecutionResult)
        assert result.data == {"trees": [{"next": {"number": 1 + step}}]}


async def test_failure_reaches_every_parent(graph: strawberry.Schema, context: Calls) -> None:
    result = await run(graph, context, "{ trees(numbers: [1, 2]) { failing } }")
    assert result.data is None
    assert result.errors is not None
    assert {type(error.original_error) for error in result.errors} == {LookupError}
    assert context.calls == [("failing", [1, 2], {})]


async def test_too_few_values_are_an_error_and_never_shifted(graph: strawberry.Schema, context: Calls) -> None:
    result = await run(graph, context, "{ trees(numbers: [1, 2]) { short } }")
    assert result.data == {"trees": [{"short": None}, {"short": None}]}
    assert result.errors is not None
    assert len(result.errors) == 2


async def test_operations_at_the_same_time_do_not_mix(graph: strawberry.Schema, context: Calls) -> None:
    other = Calls(context.services)
    query = "{ trees(numbers: [%d]) { next { number } } }"
    await asyncio.gather(run(graph, context, query % 1), run(graph, other, query % 2))
    assert (context.calls, other.calls) == ([("next", [1], {"step": 10})], [("next", [2], {"step": 10})])


def test_field_names_its_batch_resolver_for_other_executors(graph: strawberry.Schema) -> None:
    field = next(field for field in Tree.__strawberry_definition__.fields if field.python_name == "next")  # type: ignore[attr-defined]  # set by strawberry.type
    assert field.metadata[BATCH_RESOLVER].__name__ == "next"


def test_field_is_declared_without_its_parents(graph: strawberry.Schema) -> None:
    lines = [line.strip() for line in graph.as_str().splitlines()]
    assert "next(step: Int! = 10): Tree!" in lines
    assert 'failing: Int! @deprecated(reason: "It fails.")' in lines
