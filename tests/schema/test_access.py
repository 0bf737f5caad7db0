"""Nobody gets past a root field without credentials, but to sign in or to learn that they have none."""

import pytest
from graphql import GraphQLObjectType, get_named_type, is_required_argument

from resolvers.context import RequestContext, Services
from resolvers.errors import Unauthenticated
from tests.graph import run, schema
from tests.schema.conventions import SESSIONS
from tests.schema.inhabited import valid_value
from tests.schema.raised import raised
from tests.schema.test_tenant_isolation import as_argument, operation, prefix_by_name

OPEN = {*SESSIONS, "viewer", "plans"}
"""Root fields for strangers."""


def root_fields() -> list[tuple[str, str]]:
    core = schema()._schema
    return [
        (root.name, name)
        for root in (core.query_type, core.mutation_type, core.subscription_type)
        if root is not None
        for name in root.fields
        if name not in OPEN
    ]


@pytest.mark.parametrize(("root", "name"), root_fields())
def test_every_other_root_field_asks_who_it_is(root: str, name: str) -> None:
    type_ = schema()._schema.type_map[root]
    assert isinstance(type_, GraphQLObjectType)
    resolver = type_.fields[name].extensions["strawberry-definition"].base_resolver
    assert Unauthenticated in raised(resolver.wrapped_func)


@pytest.mark.parametrize(("root", "name"), [field for field in root_fields() if field[0] == "Query"])
async def test_a_stranger_reads_nothing(services: Services, root: str, name: str) -> None:
    type_ = schema()._schema.type_map[root]
    assert isinstance(type_, GraphQLObjectType)
    prefixes = {
        "episode": "epi",
        "advertiser": "adv",
        "campaign": "cmp",
        "lineItem": "lin",
        "placement": "plc",
        "conversion": "cnv",
        "attributionRun": "run",
    }
    given = {}
    for key, argument in type_.fields[name].args.items():
        if not is_required_argument(argument):
            continue
        if get_named_type(argument.type).name != "ID":
            given[key] = valid_value(key, argument.type)
        elif key in {"id", "ids"}:
            given[key] = as_argument(argument, f"{prefixes.get(name, 'pod')}_1")
        else:
            given[key] = as_argument(argument, f"{prefix_by_name(key)}_1")
    query, variables = operation(root, name, given)
    result = await run(RequestContext(services, None), query, **variables)
    assert [type(error.original_error) for error in result.errors or ()] == [Unauthenticated]
