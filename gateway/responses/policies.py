"""Which operations may be answered from the response cache, for how long and for whom: what `@cacheControl` says.

An operation is kept for as long as the shortest-lived of its fields, and for the narrowest circle of any: Apollo
Server's rules, strictly. A field that leads to objects goes by its own hint, or by that of their type; without either
nothing that selects it is kept. So do scalars of the root; other scalars stay as long as the object that they belong
to, unless they have a hint of their own. What @skip and @include leave out counts as if it were there.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from gateway.documents.documents import Document
from schema.directives import Hint, Scope

_NOTHING: Final = Hint(None, None)


class Policy(msgspec.Struct, frozen=True):
    """An answer may be kept for `max_age` seconds; for its viewer alone if it is private."""

    max_age: int
    private: bool


class Policies:
    """The policies of operations over one schema; hints are by coordinate."""

    def __init__(self, schema: GraphQLSchema, hints: Mapping[str, Hint], *, most: int = 2_000) -> None:
        """`most`: operations whose policy is remembered."""
        self._schema = schema
        self._hints = hints
        self._most = most
        self._known: OrderedDict[tuple[str, str | None], Policy | None] = OrderedDict()

    def policy(self, document: Document, operation: OperationDefinitionNode) -> Policy | None:
        """None for what is never kept: mutations, subscriptions, introspection, and what has a field that is not."""
        key = document.hash, operation.name.value if operation.name else None
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        found = self._known[key] = self._of(document, operation)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return found

    def __len__(self) -> int:
        return len(self._known)

    def _of(self, document: Document, operation: OperationDefinitionNode) -> Policy | None:
        root = self._schema.query_type
        if operation.operation is not OperationType.QUERY or root is None or document.structure.introspects:
            return None
        fragments = {
            node.name.value: node for node in document.node.definitions if isinstance(node, FragmentDefinitionNode)
        }
        hints: list[Hint] = []
        pending: list[tuple[GraphQLNamedType, SelectionSetNode]] = [(root, operation.selection_set)]
        spread: set[str] = set()
        while pending:
            parent, selected = pending.pop()
            for node in selected.selections:
                if isinstance(node, FragmentSpreadNode):
                    name = node.name.value
                    if name not in spread:
                        spread.add(name)
                        fragment = fragments[name]
                        pending.append((self._type(fragment.type_condition.name.value), fragment.selection_set))
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    on = parent if condition is None else self._type(condition.name.value)
                    pending.append((on, node.selection_set))
                elif isinstance(node, FieldNode) and node.name.value != "__typename":
                    hint, leads_to = self._hint(parent, node.name.value)
                    if hint is None:
                        return None
                    hints.append(hint)
                    if node.selection_set is not None:
                        pending.append((leads_to, node.selection_set))
        return _narrowest(hints)

    def _hint(self, parent: GraphQLNamedType, name: str) -> tuple[Hint | None, GraphQLNamedType]:
        """What holds for a field, None if that is nothing that lets it be kept; and the type that it leads to."""
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            raise TypeError(f"{parent} has no fields")
        named = get_named_type(parent.fields[name].type)
        own = [self._hints.get(f"{one.name}.{name}") for one in self._possible(parent)]
        if is_leaf_type(named) and parent is not self._schema.query_type:
            return _merged(hint or _NOTHING for hint in own), named
        of_type = [self._hints.get(one.name) for one in self._possible(named)]
        found = [_over(field, type_) for field in own for type_ in of_type or [None]]
        if any(hint.max_age is None for hint in found):
            return None, named
        return _merged(found), named

    def _possible(self, named: GraphQLNamedType) -> Iterable[GraphQLNamedType]:
        return self._schema.get_possible_types(named) if is_abstract_type(named) else (named,)

    def _type(self, name: str) -> GraphQLNamedType:
        return self._schema.type_map[name]


def _over(field: Hint | None, type_: Hint | None) -> Hint:
    """What a field that leads to objects has of its own and of their type; nothing said of the scope is PRIVATE."""
    field, type_ = field or _NOTHING, type_ or _NOTHING
    max_age = type_.max_age if field.max_age is None else field.max_age
    return Hint(max_age, field.scope or type_.scope or Scope.PRIVATE)


def _merged(hints: Iterable[Hint]) -> Hint:
    given = list(hints)
    ages = [hint.max_age for hint in given if hint.max_age is not None]
    private = any(hint.scope is Scope.PRIVATE for hint in given)
    return Hint(min(ages) if ages else None, Scope.PRIVATE if private else None)


def _narrowest(hints: Iterable[Hint]) -> Policy | None:
    merged = _merged(hints)
    return Policy(merged.max_age, merged.scope is Scope.PRIVATE) if merged.max_age else None
