"""What the values of arguments cost: each by what is given, never by what its type could hold."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)

from gateway.cost.points import ONE, Points
from gateway.cost.values import ABSENT, Amount, Variables, is_constant, value_of


class ArgumentPrices:
    """Prices of one schema. A list counts its weight once for each item; null, and what is left out, costs nothing."""

    def __init__(self, schema: GraphQLSchema, input_fields: Mapping[str, Points]) -> None:
        self._weights = {
            type_.name: {
                name: input_fields.get(f"{type_.name}.{name}", default_weight(field.type))
                for name, field in type_.fields.items()
            }
            for type_ in schema.type_map.values()
            if isinstance(type_, GraphQLInputObjectType)
        }
        self._costly = _costly(schema, self._weights)

    def price(self, node: ValueNode, type_: GraphQLInputType, weight: Points) -> Amount:
        """The price of one argument with everything in it; may be negative."""
        if is_constant(node):
            return self.price_of(value_of(node, {}), type_, weight)
        if get_named_type(type_).name not in self._costly and weight == 0:
            return 0

        def price(variables: Variables) -> int:
            return self.price_of(value_of(node, variables), type_, weight)

        return price

    def price_of(self, value: Any, type_: GraphQLInputType, weight: Points) -> int:
        """The price of a value that was not coerced: what does not fit its type costs what it would if it did."""
        total = 0
        pending: list[tuple[Any, Any, int]] = [(value, type_, weight)]
        while pending:
            one, declared, each = pending.pop()
            if one is None or one is ABSENT:
                continue
            if isinstance(declared, GraphQLNonNull):
                declared = declared.of_type
            if isinstance(declared, GraphQLList):
                items = one if isinstance(one, list | tuple) else [one]
                inner: GraphQLInputType = declared.of_type
                if is_list_type(get_nullable_type(inner)) or get_named_type(inner).name in self._costly:
                    pending.extend((item, inner, each) for item in items)
                else:
                    total += each * sum(item is not None for item in items)
                continue
            total += each
            if isinstance(one, Mapping) and declared.name in self._costly:
                weights = self._weights[declared.name]
                fields = declared.fields
                pending.extend(
                    (inner, fields[name].type, weights[name]) for name, inner in one.items() if name in fields
                )
        return total


def default_weight(type_: GraphQLInputType) -> Points:
    """Of an argument or an input field of this type, where nothing is said."""
    return ONE if is_input_object_type(get_named_type(type_)) else Points(0)


def _costly(schema: GraphQLSchema, weights: Mapping[str, Mapping[str, Points]]) -> frozenset[str]:
    """Input objects in which something costs something."""
    found = {name for name, fields in weights.items() if any(fields.values())}
    while True:
        more = {
            name
            for name in weights.keys() - found
            if any(get_named_type(field.type).name in found for field in schema.type_map[name].fields.values())  # type: ignore[attr-defined]  # they are input objects
        }
        if not more:
            return frozenset(found)
        found |= more
