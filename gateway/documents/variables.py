"""The variables that an operation declares: coerced as graphql-core does it, sooner where their values are plain."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

NO_VARIABLES: Final = VariableValues({}, {})

_NOT_GIVEN: Final = object()

_PLAIN: Final[Mapping[GraphQLScalarType, Callable[[Any], bool]]] = {
    GraphQLString: lambda value: type(value) is str,
    GraphQLID: lambda value: type(value) is str,
    GraphQLInt: lambda value: type(value) is int and -(2**31) <= value < 2**31,
    GraphQLFloat: lambda value: type(value) is float and isfinite(value),
    GraphQLBoolean: lambda value: type(value) is bool,
}
"""Whether a value is one that GraphQL's own scalars take as it is."""


class DeclaredVariables:
    """Of one operation of a valid document, which it keeps alive."""

    __slots__ = ("_operation", "_plain", "_schema")

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._operation = operation
        self._plain = _plain(schema, operation)

    def values(self, given: Mapping[str, Any]) -> VariableValues | None:
        """None when the values do not fit, which graphql-core finds too, and explains."""
        if not self._operation.variable_definitions:
            return NO_VARIABLES
        return self._taken(given) or self._coerced(given)

    def _taken(self, given: Mapping[str, Any]) -> VariableValues | None:
        """None unless all are given and plain."""
        if self._plain is None:
            return None
        sources, coerced = {}, {}
        for name, signature, is_plain in self._plain:
            value = given.get(name, _NOT_GIVEN)
            if not is_plain(value):
                return None
            sources[name] = VariableValueSource(signature, value)
            coerced[name] = value
        return VariableValues(sources, coerced)

    def _coerced(self, given: Mapping[str, Any]) -> VariableValues | None:
        found = get_variable_values(self._schema, self._operation.variable_definitions or (), dict(given), 1)
        return None if isinstance(found, list) else found


def _plain(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[tuple[str, GraphQLVariableSignature, Callable[[Any], bool]], ...] | None:
    """Each variable, and what its plain values are; None if there is one of another type than GraphQL's own scalars."""
    found = []
    for definition in operation.variable_definitions or ():
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError):
            return None
        bare = signature.type.of_type if isinstance(signature.type, GraphQLNonNull) else signature.type
        is_plain = _PLAIN.get(bare) if isinstance(bare, GraphQLScalarType) else None
        if is_plain is None:
            return None
        found.append((signature.name, signature, is_plain))
    return tuple(found)
