"""No field of the graph shows or changes another tenant's objects: generated over the whole schema.

Every field that takes an id is called with each id of another tenant, in each of its id arguments; every field that
returns anything is read to the bottom. A field added later is tested without a change here.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
    is_union_type,
)
from sqlalchemy import select

from gateway.execution.executor import Execution
from persistence.tables import metadata
from resolvers.context import Services
from tests.graph import run, schema, subscribed
from tests.schema.inhabited import Inhabited, inhabited_tenant, valid_value

DENIALS = {"NOT_FOUND", "INVALID_INPUT", "FORBIDDEN", "WRONG_ID_TYPE", "UNKNOWN_PLACEMENT", "UNKNOWN_ADVERTISER"}
UNREACHED = {"WRONG_ID_TYPE", "INVALID_ID"}
"""Problems that say that an id was of the wrong kind, so that the field did not look for the object."""


COMPLETED = {
    "events": {"key": "k", "type": "VISIT", "occurredAt": "2026-11-01T00:00:00Z", "ipAddress": "203.0.113.7"},
}
"""What else an argument must hold for an id in it to be looked up."""


class Victims(msgspec.Struct, frozen=True):
    attacker: Inhabited
    victim: Inhabited


@pytest_asyncio.fixture(scope="module")
async def both(services: Services) -> Victims:
    return Victims(
        attacker=await inhabited_tenant(services, "ATTACKER"), victim=await inhabited_tenant(services, "VICTIM")
    )


def fields_with_ids() -> Iterator[tuple[str, str, str]]:
    """(root type, field, argument) for every argument of a root field that is an ID, a list of them, or holds one."""
    core = schema()._schema
    for root in (core.query_type, core.mutation_type, core.subscription_type):
        assert root is not None
        for name, field in root.fields.items():
            for argument_name, argument in field.args.items():
                for path in id_paths(argument_name, argument):
                    yield root.name, name, path


def id_paths(name: str, value: GraphQLArgument | GraphQLInputField) -> Iterator[str]:
    """`name` for an ID, `name.field` for each ID within an input object."""
    named = get_named_type(value.type)
    if named.name == "ID":
        yield name
    elif isinstance(named, GraphQLInputObjectType):
        for inner, field in named.fields.items():
            yield from id_paths(f"{name}.{inner}", field)


def operation(root: str, name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation that calls one root field and shows everything scalar of its result, two levels deep."""
    root_type = schema()._schema.type_map[root]
    assert isinstance(root_type, GraphQLObjectType)
    field = root_type.fields[name]
    declared = ", ".join(f"${key}: {field.args[key].type}" for key in arguments)
    given = ", ".join(f"{key}: ${key}" for key in arguments)
    kind = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}[root]
    head = f"{kind}({declared})" if declared else kind
    call = f"{name}({given})" if given else name
    # A subscription must not even open: what would be read of it does not matter.
    return f"{head} {{ {call} {selection(field, 1 if root == 'Subscription' else 3)} }}", arguments


def selection(field: GraphQLField, depth: int) -> str:
    named = get_named_type(field.type)
    if not is_composite_type(named):
        return ""
    if is_union_type(named):
        parts = [f"... on {member.name} {{ {inner(member, depth)} }}" for member in named.types]
        return "{ __typename " + " ".join(parts) + " }"
    if isinstance(named, GraphQLObjectType):
        return "{ __typename " + inner(named, depth) + " }"
    possible = schema()._schema.get_possible_types(named)
    parts = [f"... on {member.name} {{ {inner(member, depth)} }}" for member in possible]
    return "{ __typename " + " ".join(parts) + " }"


def inner(type_: GraphQLObjectType, depth: int) -> str:
    """All fields without required arguments; composite ones under an alias, since union members may disagree."""
    chosen = []
    for name, field in type_.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        alias = f"{type_.name}_{name}: {name}"
        if not is_composite_type(get_named_type(field.type)):
            chosen.append(alias)
        elif depth > 0:
            chosen.append(f"{alias} {selection(field, depth - 1)}")
    return " ".join(chosen) or "__typename"


async def result_of(attacker: Inhabited, query: str, variables: dict[str, Any]) -> Any:
    """The result of an operation; of a subscription, the refusal to open it, for an open one would be a leak."""
    if not query.startswith("subscription"):
        return await run(attacker.actor.context(), query, **variables)
    opened = await subscribed(attacker.actor.context(), query, **variables)
    assert isinstance(opened, Execution), "the subscription was opened"
    return opened


def codes(result: Any) -> set[str]:
    """Every error code in a result, in its errors or in its data."""
    found = {
        str(getattr(error.original_error, "code", None) or (error.extensions or {}).get("code") or error.message)
        for error in result.errors or ()
    }
    for problem in (
        problem for error in result.errors or () for problem in getattr(error.original_error, "problems", ())
    ):
        found.add(problem.code)

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.update(str(item) for key, item in value.items() if key.endswith("_code") and item)
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(result.data)
    return found


def arguments_of(field: GraphQLField, own: Inhabited) -> dict[str, Any]:
    """Valid arguments; ids are left out, the test puts them in."""
    return {
        name: valid_value(name, argument.type)
        for name, argument in field.args.items()
        if is_required_argument(argument) and get_named_type(argument.type).name != "ID"
    }


def as_argument(argument: GraphQLArgument, text: str) -> Any:
    return [text] if is_list_type(get_nullable_type(argument.type)) else text


def given(field: GraphQLField, path: str, text: str) -> dict[str, Any]:
    """The argument that holds the id at this path, with nothing else in it than it needs."""
    name, *inner = path.split(".")
    value: Any = text if inner else as_argument(field.args[name], text)
    for key in reversed(inner):
        value = {key: value}
    return {name: {**COMPLETED[name], **value} if name in COMPLETED else value}


async def rows_of(tenant: Inhabited) -> dict[str, Any]:
    """Everything a tenant has, table by table."""
    found = {}
    async with tenant.actor.services.database.read(tenant.actor.tenant_id) as session:
        for table in metadata.sorted_tables:
            column = table.c.get("tenant_id", table.c.id if table.name == "tenants" else None)
            if column is not None:
                found[table.name] = sorted(
                    map(repr, await session.rows(select(table).where(column == tenant.actor.tenant_id)))
                )
    return found


@pytest.mark.parametrize(("root", "name", "argument"), sorted(fields_with_ids()))
async def test_another_tenants_id_shows_and_changes_nothing(both: Victims, root: str, name: str, argument: str) -> None:
    root_type = schema()._schema.type_map[root]
    assert isinstance(root_type, GraphQLObjectType)
    field = root_type.fields[name]
    before = await rows_of(both.victim)
    reached = 0
    for prefix, theirs in both.victim.ids.items():
        others = {
            other: as_argument(value, both.attacker.ids.get(prefix_by_name(other), "cmp_1"))
            for other, value in field.args.items()
            if other != argument and get_named_type(value.type).name == "ID" and is_required_argument(value)
        }
        arguments = {
            **arguments_of(field, both.attacker),
            **others,
            **given(field, argument, theirs),
        }
        query, variables = operation(root, name, arguments)
        result = await result_of(both.attacker, query, variables)
        found = codes(result)
        assert "VICTIM" not in repr(result.data).upper().replace(theirs.upper(), ""), (prefix, result.data)
        empty = result.data is not None and not found and _is_empty(result.data)
        assert empty or found & DENIALS, (prefix, result.data, result.errors)
        reached += not found & UNREACHED
    assert reached, "no id reached the look-up: the test would prove nothing"
    assert await rows_of(both.victim) == before


def prefix_by_name(argument: str) -> str:
    return {
        "podcastId": "pod",
        "episodeId": "epi",
        "advertiserId": "adv",
        "campaignId": "cmp",
        "lineItemId": "lin",
        "placementId": "plc",
        "placementIds": "plc",
        "against": "run",
    }.get(argument, "cmp")


def _is_empty(data: dict[str, Any]) -> bool:
    return all(value is None or value == [None] or _no_nodes(value) for value in data.values())


def _no_nodes(value: Any) -> bool:
    return isinstance(value, dict) and any(key.endswith("_nodes") and nodes == [] for key, nodes in value.items())


OF_NOBODY = {"attributionModels", "plans"}
"""Fields that show what belongs to no tenant."""


SIGNS = {"billingSubscription": "usr"}
"""Fields that show nothing that is named by people: the prefix of an id of one's own that they show."""


def readable_fields() -> list[str]:
    query = schema()._schema.query_type
    assert query is not None
    return [
        name
        for name, field in query.fields.items()
        if name not in OF_NOBODY and not any(is_required_argument(argument) for argument in field.args.values())
    ]


@pytest.mark.parametrize("name", readable_fields())
async def test_reading_a_list_to_the_bottom_shows_ones_own_objects_alone(both: Victims, name: str) -> None:
    query, variables = operation("Query", name, {})
    result = await run(both.attacker.actor.context(), query, **variables)
    assert not result.errors, result.errors
    shown = repr(result.data)
    sign = both.attacker.ids[SIGNS[name]] if name in SIGNS else "ATTACKER"
    assert sign in (shown if name in SIGNS else shown.upper())
    assert "VICTIM" not in shown.upper()
    for theirs in both.victim.ids.values():
        assert f"'{theirs}'" not in shown
