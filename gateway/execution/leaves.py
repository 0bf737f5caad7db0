"""Leaf values: what is written as it is, and what its type has to complete first."""

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from gateway.execution.abandoned import Abandoned
from schema.scalars import WRITTEN_AS_IT_IS

Complete = Callable[[Any], Any]
"""From what a resolver gave to what is written. Raises whatever the type raises, and Abandoned for a forbidden null."""

PLAIN: Final[Mapping[GraphQLLeafType, str]] = MappingProxyType(
    {
        GraphQLString: "type({value}) is str",
        GraphQLID: "type({value}) is str",
        GraphQLInt: "type({value}) is int and -2147483648 <= {value} <= 2147483647",
        GraphQLFloat: "type({value}) is float and {value} - {value} == 0",
        GraphQLBoolean: "{value} is True or {value} is False",
    }
)
"""Python that is true of values which GraphQL's own scalars leave as they are."""


class Leaf(msgspec.Struct, frozen=True):
    """A scalar or enumeration as a place of the graph has it.

    `plain` is Python that is true of a `{value}` which is written as it is; `names`, of an enumeration, has the text of
    each value; every other value goes through `complete`. `nullable` is the place's.
    """

    nullable: bool
    complete: Complete
    plain: str | None = None
    names: Mapping[Any, str] | None = None


def leaf_of(of_type: GraphQLOutputType) -> Leaf | None:
    """How values of a type that ends in a scalar or an enumeration are written; None for one that ends in objects."""
    complete = completion(of_type)
    if complete is None:
        return None
    nullable = not is_non_null_type(of_type)
    bare = of_type.of_type if isinstance(of_type, GraphQLNonNull) else of_type
    if isinstance(bare, GraphQLEnumType):
        return Leaf(nullable, complete, names=_names(bare))
    if is_leaf_type(bare):
        return Leaf(nullable, complete, plain=PLAIN.get(bare) or WRITTEN_AS_IT_IS.get(bare.coerce_output_value))
    return Leaf(nullable, complete)


def completion(of_type: GraphQLOutputType) -> Complete | None:
    """Completes one value of a scalar, of an enumeration, or of lists of them; None for objects."""
    if is_non_null_type(of_type):
        inner = completion(of_type.of_type)
        return None if inner is None else _not_null(inner, str(of_type))
    if is_list_type(of_type):
        item = completion(of_type.of_type)
        return None if item is None else _items(item, of_type)
    return _value(of_type) if is_leaf_type(of_type) else None


def _not_null(inner: Complete, said: str) -> Complete:
    def complete(value: Any) -> Any:
        completed = inner(value)
        if completed is None:
            raise Abandoned(f"null where {said} is promised")
        return completed

    return complete


def _items(item: Complete, of_type: GraphQLList[Any]) -> Complete:
    said = str(of_type)

    def complete(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise Abandoned(f"{type(value).__name__} where {said} is promised")
        return [item(one) for one in value]

    return complete


def _value(of_type: GraphQLLeafType) -> Complete:
    written = of_type.coerce_output_value

    def complete(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, Exception):
            raise value
        text = None if value is Undefined else written(value)
        if text is None or text is Undefined:
            raise Abandoned(f"{of_type} has no value for what was resolved")
        return text

    return complete


def _names(of_type: GraphQLEnumType) -> dict[Any, str]:
    """The text of each value, under the value and under the member of Python's enumeration."""
    names: dict[Any, str] = {
        value.value: name for name, value in of_type.values.items() if isinstance(value.value, str)
    }
    members = getattr(of_type, "wrapped_cls", None)
    if isinstance(members, type) and issubclass(members, Enum):
        for member in members:
            names[member] = of_type.coerce_output_value(member)
    return names
