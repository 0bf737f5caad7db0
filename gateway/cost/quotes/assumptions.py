"""What is taken for variables whose values nobody has said: never too little."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from graphql import (
    DirectiveNode,
    DocumentNode,
    ListTypeNode,
    Node,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

from resolvers.pages import LARGEST_SIZE

ASSUMED_ITEMS: Final = 100
"""Items of a list: how many a server takes is not in its schema."""


class Assumption(msgspec.Struct, frozen=True):
    """A variable, what it is taken to be, and that in words."""

    variable: str
    value: Any
    words: str


def assumptions(
    document: DocumentNode, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> tuple[Assumption, ...]:
    """One for each variable of the operation that has neither a value nor a default, where one can be said.

    A whole number is the largest page, a list has `ASSUMED_ITEMS` items, and what @include and @skip decide is there.
    Any other variable is left out: an enumeration then counts as its dearest value, and an input object as nothing.
    """
    skipping = _only_skipped(document)
    found = [_assumed(definition, skipping) for definition in operation.variable_definitions or ()]
    return tuple(each for each in found if each is not None and each.variable not in given)


def _assumed(definition: VariableDefinitionNode, skipping: frozenset[str]) -> Assumption | None:
    name = definition.variable.name.value
    if definition.default_value is not None:
        return None
    type_ = _nullable(definition.type)
    if isinstance(type_, ListTypeNode):
        return Assumption(name, [None] * ASSUMED_ITEMS, f"${name} has {ASSUMED_ITEMS} items")
    named = type_.name.value
    if named == "Int":
        return Assumption(name, LARGEST_SIZE, f"${name} is {LARGEST_SIZE:,}")
    if named == "Boolean":
        value = name not in skipping
        return Assumption(name, value, f"${name} is {str(value).lower()}")
    return None


def _nullable(type_: TypeNode) -> Any:
    return type_.type if isinstance(type_, NonNullTypeNode) else type_


def _only_skipped(document: DocumentNode) -> frozenset[str]:
    """The variables that @skip reads, and no @include does."""
    read: dict[str, set[str]] = {"skip": set(), "include": set()}

    class _Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_others: Node) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    read.setdefault(node.name.value, set()).add(argument.value.name.value)

    visit(document, _Directives())
    return frozenset(read["skip"] - read["include"])
