"""Which fields of the graph the queries of a test have shown a value of."""

import inspect
from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    default_field_resolver,
    get_named_type,
    is_abstract_type,
)

Noted = set[str]
"""Coordinates such as 'Campaign.name'."""


def reachable(schema: GraphQLSchema) -> Noted:
    """Every field of every object type that a query can get to."""
    assert schema.query_type is not None
    found: dict[str, GraphQLObjectType] = {}
    left: list[Any] = [schema.query_type]
    while left:
        type_ = left.pop()
        if is_abstract_type(type_):
            left += schema.get_possible_types(type_)
        elif isinstance(type_, GraphQLObjectType) and type_.name not in found:
            found[type_.name] = type_
            left += [get_named_type(field.type) for field in type_.fields.values()]
    return {f"{name}.{field}" for name, type_ in found.items() for field in type_.fields}


def note_values(schema: GraphQLSchema, noted: Noted) -> None:
    """From now on every field that gives a value other than null is noted. The schema is the test's own."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                field.resolve = _noting(field.resolve or default_field_resolver, f"{type_.name}.{name}", noted)


def _noting(resolve: Callable[..., Any], coordinate: str, noted: Noted) -> Callable[..., Any]:
    async def later(value: Any) -> Any:
        found = await value
        if found is not None:
            noted.add(coordinate)
        return found

    def resolved(source: Any, info: Any, **arguments: Any) -> Any:
        value = resolve(source, info, **arguments)
        if inspect.isawaitable(value):
            return later(value)
        if value is not None:
            noted.add(coordinate)
        return value

    return resolved
