"""The cost model of a schema: what its annotations mean for any operation.

Type cost and field cost are those of the GraphQL Cost Directives specification
(https://ibm.github.io/graphql-specs/cost-spec.html, sections 5.3.2, 7.1 and 8); what is charged is their sum.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
)

from gateway.cost.arguments import ArgumentPrices, default_weight
from gateway.cost.formula import Formula
from gateway.cost.introspection import OBJECT_WEIGHT, ROOT_FIELDS, population
from gateway.cost.points import ONE, Points
from gateway.cost.selections import compiled
from schema.annotations import Annotations
from schema.directives import ListSize


class FieldModel(msgspec.Struct, frozen=True):
    """What a field of an object type costs wherever it is selected. `lists` counts lists within each other."""

    coordinate: str
    field: GraphQLField
    named: GraphQLNamedType
    types: tuple[GraphQLObjectType, ...]
    """Those that its objects may have; none for a leaf."""
    weight: Points
    arguments: Mapping[str, Points]
    lists: int
    size: ListSize | None


class CostModel:
    """Prices of everything in a schema. Raises nothing: annotations are checked when they are read."""

    def __init__(self, schema: GraphQLSchema, annotations: Annotations) -> None:
        self.schema = schema
        self.population = population(schema)
        self.argument_prices = ArgumentPrices(schema, _points(annotations.input_fields))
        self._types = _points(annotations.types)
        self._fields = _points(annotations.fields)
        self._arguments = _points(annotations.arguments)
        self._sizes = annotations.list_sizes
        self._leaf = Points(int(annotations.leaf * ONE))
        self._known: dict[tuple[str, str], FieldModel | None] = {}
        self.directives = {
            directive.name: {
                name: self._arguments[coordinate]
                for name in directive.args
                if (coordinate := f"@{directive.name}({name}:)") in self._arguments
            }
            for directive in schema.directives
        }
        """Of directives the weights of those arguments that have one."""

    def formula(
        self, document: DocumentNode, operation: OperationDefinitionNode, steering: Mapping[str, bool]
    ) -> Formula:
        """The price of an operation of a valid document.

        `steering` has the values of the variables that @skip and @include name; what it does not know is included.
        Raises RequestRejected (TOO_MANY_FIELDS) for a document that takes too long to price.
        """
        return compiled(self, document, operation, steering)

    def type_weight(self, type_: GraphQLNamedType) -> Points:
        """Of one value of a type that is not abstract."""
        if is_introspection_type(type_):
            return OBJECT_WEIGHT if is_composite_type(type_) else Points(0)
        return self._types.get(type_.name, ONE if is_composite_type(type_) else Points(0))

    def field(self, parent: GraphQLObjectType, name: str) -> FieldModel | None:
        """None for a field that does not exist, and for `__typename`, which is free."""
        key = (parent.name, name)
        if key not in self._known:
            field = None if name == "__typename" else self.schema.get_field(parent, name)
            if field is None:
                # Not kept: there are as many such names as clients can think of.
                return None
            self._known[key] = self._field(parent, name, field)
        return self._known[key]

    def _field(self, parent: GraphQLObjectType, name: str, field: GraphQLField) -> FieldModel:
        coordinate = f"{parent.name}.{name}"
        named = get_named_type(field.type)
        free = is_introspection_type(parent) or name in ROOT_FIELDS
        default = Points(0) if free else ONE if is_composite_type(named) else self._leaf
        return FieldModel(
            coordinate=coordinate,
            field=field,
            named=named,
            types=self._possible(named),
            weight=self._fields.get(coordinate, default),
            arguments={
                argument: self._arguments.get(f"{coordinate}({argument}:)", default_weight(declared.type))
                for argument, declared in field.args.items()
            },
            lists=_lists(field.type),
            size=self._sizes.get(coordinate),
        )

    def _possible(self, named: GraphQLNamedType) -> tuple[GraphQLObjectType, ...]:
        if is_abstract_type(named):
            return tuple(self.schema.get_possible_types(named))
        return (named,) if isinstance(named, GraphQLObjectType) else ()


def _lists(type_: Any) -> int:
    depth = 0
    type_ = get_nullable_type(type_)
    while is_list_type(type_):
        depth += 1
        type_ = get_nullable_type(type_.of_type)
    return depth


def _points(weights: Mapping[str, Decimal]) -> dict[str, Points]:
    return {coordinate: Points(int(weight * ONE)) for coordinate, weight in weights.items()}
