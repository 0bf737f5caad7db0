"""What introspection costs: as many objects as the schema has, a hundredth of a point each."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    is_abstract_type,
)

from gateway.cost.points import Points

OBJECT_WEIGHT: Final = Points(10)
"""A hundredth of a point, of each object that introspection shows; its fields cost nothing."""

ROOT_FIELDS: Final = frozenset({"__schema", "__type", "__typename"})

WHOLE: Final = frozenset(
    {"__Schema.types", "__Schema.directives", "__Type.fields", "__Type.inputFields", "__Field.args", "__Directive.args"}
)
"""Lists that, read from everything there is of their parent's kind, show everything there is of their own.

`possibleTypes` and `interfaces` are not: they name types again, of each of which anything may be asked.
"""


class Population(msgspec.Struct, frozen=True):
    """How long introspection's lists are, by coordinate.

    `largest` is of one object, whichever it is; `total` is of all objects of the kind together, each once.
    """

    largest: Mapping[str, int]
    total: Mapping[str, int]


def population(schema: GraphQLSchema) -> Population:
    """The sizes of a schema."""
    types = schema.type_map.values()
    with_fields = [one for one in types if isinstance(one, GraphQLObjectType | GraphQLInterfaceType)]
    fields: list[GraphQLField] = [field for one in with_fields for field in one.fields.values()]
    lists: dict[str, list[Collection[object]]] = {
        "__Schema.types": [schema.type_map],
        "__Schema.directives": [schema.directives],
        "__Type.fields": [one.fields for one in with_fields],
        "__Type.interfaces": [one.interfaces for one in with_fields],
        "__Type.possibleTypes": [schema.get_possible_types(one) for one in types if is_abstract_type(one)],
        "__Type.enumValues": [one.values for one in types if isinstance(one, GraphQLEnumType)],
        "__Type.inputFields": [one.fields for one in types if isinstance(one, GraphQLInputObjectType)],
        "__Field.args": [field.args for field in fields],
        "__Directive.args": [directive.args for directive in schema.directives],
    }
    return Population(
        largest={coordinate: max(map(len, found), default=0) for coordinate, found in lists.items()},
        total={coordinate: sum(map(len, found)) for coordinate, found in lists.items()},
    )
