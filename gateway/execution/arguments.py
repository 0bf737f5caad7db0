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

from gateway.documents.variables import NO_VARIABLES

Convert = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Coerced values by their names in the graph to the resolver's keyword arguments."""


class Arguments(msgspec.Struct, frozen=True):
    """`constant` are the keyword arguments that no variable changes; `varying` are coerced for each operation.

    `plain`, some of those, are keywords and the variables whose values they have as they are; `others` are the rest.
    """

    constant: Mapping[str, Any]
    plain: tuple[tuple[str, str], ...]
    others: GraphQLField | None
    varying: GraphQLField | None
    node: FieldNode
    convert: Convert

    def values(self, variables: VariableValues) -> Mapping[str, Any]:
        """The keyword arguments. Raises GraphQLError, or what a conversion raises."""
        if self.varying is None:
            return self.constant
        values = dict(self.constant)
        varying, coerced = self.others, variables.coerced
        for keyword, variable in self.plain:
            value = coerced.get(variable)
            if value is None:
                # What a null means, or a variable that is not given, depends on the argument.
                varying = self.varying
                break
            values[keyword] = value
        if varying is not None:
            values.update(self.convert(get_argument_values(varying, self.node, variables)))
        return values


def arguments_of(field: GraphQLField, node: FieldNode, convert: Convert, keywords: Mapping[str, str]) -> Arguments:
    """`keywords` has those of the arguments that resolvers take as they are coerced, by their names in the graph.

    Raises GraphQLError, or what a conversion raises.
    """
    given = {argument.name.value: argument for argument in node.arguments or ()}
    varying = {name: argument for name, argument in field.args.items() if _varies(argument, given.get(name))}
    fixed = {name: argument for name, argument in field.args.items() if name not in varying}
    constant = convert(get_argument_values(_with(field, fixed), node, NO_VARIABLES)) if fixed else {}
    plain = {
        name: (keywords[name], argument.value.name.value)
        for name, argument in given.items()
        if name in keywords and isinstance(argument.value, VariableNode)
    }
    others = {name: argument for name, argument in varying.items() if name not in plain}
    return Arguments(
        constant=constant,
        plain=tuple(plain.values()),
        others=_with(field, others) if others else None,
        varying=_with(field, varying) if varying else None,
        node=node,
        convert=convert,
    )


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
