"""A field's arguments as its resolver takes them: what no variable changes is coerced and converted once."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    ValueNode,
    VariableNode,
    get_argument_values,
    is_required_argument,
)
from graphql.execution.values import VariableValues
from graphql.language import Visitor, visit
from graphql.language.visitor import BREAK

Convert = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Coerced values by their names in the graph to the resolver's keyword arguments."""

NO_VARIABLES = VariableValues({}, {})


class Arguments(msgspec.Struct, frozen=True):
    """`constant` are the keyword arguments that no variable changes; `varying` are coerced for each operation."""

    constant: Mapping[str, Any]
    varying: GraphQLField | None
    node: FieldNode
    convert: Convert

    def values(self, variables: VariableValues) -> Mapping[str, Any]:
        """The keyword arguments. Raises GraphQLError, or what a conversion raises."""
        if self.varying is None:
            return self.constant
        given = get_argument_values(self.varying, self.node, variables)
        return {**self.constant, **self.convert(given)}


def arguments_of(field: GraphQLField, node: FieldNode, convert: Convert) -> Arguments:
    """Raises GraphQLError, or what a conversion raises."""
    given = {argument.name.value: argument for argument in node.arguments or ()}
    varying = {name: argument for name, argument in field.args.items() if _varies(argument, given.get(name))}
    fixed = {name: argument for name, argument in field.args.items() if name not in varying}
    constant = convert(get_argument_values(_with(field, fixed), node, NO_VARIABLES)) if fixed else {}
    return Arguments(constant, _with(field, varying) if varying else None, node, convert)


def _varies(argument: GraphQLArgument, given: ArgumentNode | None) -> bool:
    if given is None:
        # Coercing it says what is missing.
        return is_required_argument(argument)
    return _names_variable(given.value)


def _with(field: GraphQLField, arguments: Mapping[str, GraphQLArgument]) -> GraphQLField:
    return GraphQLField(field.type, args=dict(arguments))


def _names_variable(value: ValueNode) -> bool:
    found = _Variables()
    visit(value, found)
    return found.any


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.any = False

    def enter_variable(self, _node: VariableNode, *_where: Any) -> Any:
        self.any = True
        return BREAK
