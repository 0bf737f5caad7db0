"""The smallest query of which something still holds that holds of a large one."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import msgspec
from graphql import (
    REMOVE,
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    Node,
    VariableDefinitionNode,
    parse,
    print_ast,
    validate,
    visit,
)
from graphql.language import Visitor

from gateway.cost.calibration.queries import GeneratedQuery

Holds = Callable[[GeneratedQuery], Awaitable[bool]]

_REMOVABLE: Final = (FieldNode, FragmentSpreadNode, InlineFragmentNode, DirectiveNode, ArgumentNode)
_MOST_TRIES: Final = 3_000


async def smallest(schema: GraphQLSchema, query: GeneratedQuery, holds: Holds) -> GeneratedQuery:
    """A query of which no field, argument, directive or fragment can be left out.

    `query` itself if it does not hold of it a second time.
    """
    if not await holds(query):
        return query
    tries = 0
    found = True
    while found and tries < _MOST_TRIES:
        found = False
        for smaller in _smaller(schema, query):
            tries += 1
            if await holds(smaller):
                query, found = smaller, True
                break
    return query


def _smaller(schema: GraphQLSchema, query: GeneratedQuery) -> Iterator[GeneratedQuery]:
    """Valid queries with one thing less, those with least first."""
    node = parse(query.text, no_location=True)
    sizes: list[tuple[int, int]] = []
    visit(node, _Sized(sizes))
    for _, place in sorted(sizes, reverse=True):
        changed = _tidy(visit(node, _Without(place)))
        if changed is not None and not validate(schema, changed):
            yield _with_variables(changed, query)
    for name in _fragments(node):
        changed = _tidy(visit(node, _Inlined(name, node)))
        if changed is not None and not validate(schema, changed):
            yield _with_variables(changed, query)


def _with_variables(node: DocumentNode, query: GeneratedQuery) -> GeneratedQuery:
    text = print_ast(node)
    given = {name: value for name, value in query.variables.items() if re.search(rf"\${name}\b", text)}
    return msgspec.structs.replace(query, text=text, variables=given)


def _fragments(node: DocumentNode) -> list[str]:
    return [one.name.value for one in node.definitions if isinstance(one, FragmentDefinitionNode)]


class _Sized(Visitor):
    """Lists (length, number) of what may be left out."""

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        super().__init__()
        self._sizes = sizes

    def enter(self, node: Node, *_: Any) -> None:
        if isinstance(node, _REMOVABLE):
            self._sizes.append((len(print_ast(node)), len(self._sizes)))


class _Without(Visitor):
    """Leaves out the one of this number."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self._left = place

    def enter(self, node: Node, *_: Any) -> Any:
        if isinstance(node, _REMOVABLE):
            self._left -= 1
            if self._left < 0 and self._left == -1:
                return REMOVE
        return None


class _Inlined(Visitor):
    """Puts a fragment in the place of its name."""

    def __init__(self, name: str, document: DocumentNode) -> None:
        super().__init__()
        self._name = name
        self._definition = next(
            one for one in document.definitions if isinstance(one, FragmentDefinitionNode) and one.name.value == name
        )

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> Any:
        if node.name.value != self._name:
            return None
        return InlineFragmentNode(
            type_condition=NamedTypeNode(name=self._definition.type_condition.name),
            directives=node.directives,
            selection_set=self._definition.selection_set,
        )


class _Unused(Visitor):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> Any:
        return None if re.search(rf"\.\.\.\s*{node.name.value}\b", self._text) else REMOVE

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        uses = len(re.findall(rf"\${node.variable.name.value}\b", self._text))
        return None if uses > 1 else REMOVE


def _tidy(node: DocumentNode) -> DocumentNode | None:
    """Without fragments and variables that nothing uses any more; None where a selection is empty."""
    for _ in range(8):
        text = print_ast(node)
        if "{}" in re.sub(r"\s", "", re.sub(r'"(\\.|[^"\\])*"', "", text)).replace(":{}", ""):
            return None
        tidied: DocumentNode = visit(node, _Unused(text))
        if tidied is node:
            break
        node = tidied
    return node
