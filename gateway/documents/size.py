"""How many values an operation may be answered with, before anything is read: page sizes multiply.

Four lists of a thousand inside each other are 10^12 objects, in a document that keeps every limit of its structure.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from resolvers.pages import DEFAULT_SIZE, LARGEST_SIZE
from schema.fields import LONGEST, LongestBy

UNSLICED_LIST: Final = 100
"""Objects of a list that takes no size and declares none; `Viewer.memberships` is the longest."""

INTROSPECTION: Final = 20_000
"""Values that a `__schema` or `__type` is taken to have; the whole of ours has fewer."""

_LONGEST_NUMBER: Final = 10


class Page(msgspec.Struct, frozen=True):
    """A list cut to size by `first` or `last`."""

    first: ValueNode | None
    last: ValueNode | None


class Ids(msgspec.Struct, frozen=True):
    """A list with one object for each id given."""

    given: ValueNode | None


class Lengths(msgspec.Struct, frozen=True):
    """A list that is as long as the value of an argument says."""

    given: ValueNode | None
    longest: LongestBy


Factor = Page | Ids | Lengths | int
"""How often the fields of a list are answered."""


class Level(msgspec.Struct, frozen=True):
    """Fields that are answered once for each object of a list, and the lists below it."""

    fields: int
    lists: tuple[tuple[Factor, "Level"], ...]


class Size(msgspec.Struct, frozen=True):
    """The shape of one operation; `defaults` are those of its variables."""

    root: Level
    defaults: Mapping[str, ValueNode]

    def values(self, variables: Mapping[str, Any]) -> int:
        """The most values (fields, not counting those of null objects) that an answer can have.

        An upper bound: what @skip and @include leave out counts, as do all members of a union.
        """
        return _values(self.root, _Variables(self.defaults, variables))


def operation_size(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Size:
    """The size of an operation of a valid document."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    root_type = schema.get_root_type(operation.operation)
    level = _Builder(schema, fragments).level(operation.selection_set, root_type)
    definitions = operation.variable_definitions or ()
    defaults = {d.variable.name.value: d.default_value for d in definitions if d.default_value is not None}
    return Size(root=level, defaults=defaults)


class _Builder:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments

    def level(self, selected: SelectionSetNode, parent: GraphQLNamedType | None) -> Level:
        lists: list[tuple[Factor, Level]] = []
        return Level(fields=self._fields(selected, parent, lists), lists=tuple(lists))

    def _fields(
        self,
        selected: SelectionSetNode,
        parent: GraphQLNamedType | None,
        lists: list[tuple[Factor, Level]],
    ) -> int:
        count = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                count += self._field(node, parent, lists)
            elif isinstance(node, InlineFragmentNode):
                on = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                count += self._fields(node.selection_set, on, lists)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                on = self._schema.get_type(fragment.type_condition.name.value)
                count += self._fields(fragment.selection_set, on, lists)
        return count

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, lists: list[tuple[Factor, Level]]) -> int:
        if node.name.value in {"__schema", "__type"}:
            return INTROSPECTION
        field = _declared(parent, node.name.value)
        if field is None or node.selection_set is None:
            return 1
        named = get_named_type(field.type)
        factor = _factor(node, field, parent)
        if factor is None:
            return 1 + self._fields(node.selection_set, named, lists)
        lists.append((factor, self.level(node.selection_set, named)))
        return 1


def _declared(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None


def _factor(node: FieldNode, field: GraphQLField, parent: GraphQLNamedType | None) -> Factor | None:
    """How often the fields below are answered; None: as often as this one."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    if "first" in field.args:
        return Page(given.get("first"), given.get("last"))
    if not is_list_type(get_nullable_type(field.type)) or _declared(parent, "pageInfo") is not None:
        # The lists of a connection are as long as its page, which counted already.
        return None
    if "ids" in field.args:
        return Ids(given.get("ids"))
    declared = _longest(field)
    return Lengths(given.get(declared.argument), declared) if isinstance(declared, LongestBy) else declared


def _longest(field: GraphQLField) -> LongestBy | int:
    """The greatest length of a bare list, as the schema declares it."""
    definition = field.extensions.get("strawberry-definition")
    declared = definition.metadata.get(LONGEST) if definition is not None else None
    if isinstance(declared, LongestBy):
        return declared
    return UNSLICED_LIST if declared is None else int(declared)


class _Variables:
    def __init__(self, defaults: Mapping[str, ValueNode], given: Mapping[str, Any]) -> None:
        self._defaults = defaults
        self._given = given

    def value(self, node: ValueNode | None) -> Any:
        """A node, or the JSON value of a variable."""
        if not isinstance(node, VariableNode):
            return node
        name = node.name.value
        return self._given[name] if name in self._given else self._defaults.get(name)


def _values(level: Level, variables: _Variables) -> int:
    return level.fields + sum(_times(factor, variables) * _values(below, variables) for factor, below in level.lists)


def _times(factor: Factor, variables: _Variables) -> int:
    if isinstance(factor, int):
        return factor
    if isinstance(factor, Lengths):
        given = variables.value(factor.given)
        name = given.value if isinstance(given, EnumValueNode) else given
        longest = factor.longest
        # What is no value of the enumeration is refused when the field is read.
        return longest.lengths.get(longest.default if name is None else str(name), 0)
    if isinstance(factor, Ids):
        given = variables.value(factor.given)
        return len(given.values) if isinstance(given, ListValueNode) else len(given) if isinstance(given, list) else 1
    sizes = [_number(variables.value(node)) for node in (factor.first, factor.last)]
    asked = [size for size in sizes if size is not None]
    return max(asked) if asked else DEFAULT_SIZE


def _number(value: Any) -> int | None:
    """A page size within its bounds: what is out of them is refused when the field is read."""
    if isinstance(value, IntValueNode):
        value = int(value.value) if len(value.value) <= _LONGEST_NUMBER else LARGEST_SIZE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(min(max(value, 0), LARGEST_SIZE))
