"""The union of each mutation lists exactly the errors that its use case can raise."""

import pytest
from graphql import GraphQLUnionType, get_named_type
from strawberry.schema.exception_handlers import get_error_type, get_exception_types

from gateway.auth import services as authentication
from resolvers.errors import Conflict, DomainError, Forbidden, NotFound, Unauthenticated
from resolvers.identity import tenants
from tests.graph import schema
from tests.schema.raised import raised

assert authentication, "imported so that the analysis sees what implements the ports"

ALWAYS = {"InvalidInputError"}
"""Every argument can be refused: by its model, as an id of another type, or by PostgreSQL."""


def shown_as() -> dict[type[Exception], str]:
    """The union member that stands for each exception."""
    found = {}
    for handler in schema().exception_handlers:
        for exception in get_exception_types(handler):
            found[exception] = get_error_type(handler).__strawberry_definition__.name
    return found


def member_of(error: type[DomainError]) -> str:
    members = shown_as()
    return next(members[base] for base in error.__mro__ if base in members)


def mutations() -> list[str]:
    mutation = schema()._schema.mutation_type
    assert mutation is not None
    return sorted(mutation.fields)


@pytest.mark.parametrize("name", mutations())
def test_a_mutations_union_lists_exactly_the_errors_that_its_use_case_can_raise(name: str) -> None:
    mutation = schema()._schema.mutation_type
    assert mutation is not None
    field = mutation.fields[name]
    resolver = field.extensions["strawberry-definition"].base_resolver
    union = get_named_type(field.type)
    assert isinstance(union, GraphQLUnionType)
    listed = {member.name for member in union.types if not member.name.endswith("Payload")}
    # Without credentials the request as a whole is at fault.
    expected = {member_of(error) for error in raised(resolver.wrapped_func) if error is not Unauthenticated}
    assert listed == expected | ALWAYS


def test_errors_are_found_in_functions_that_a_use_case_calls() -> None:
    assert raised(tenants.update_tenant) == {Unauthenticated, Forbidden, NotFound, Conflict}
