"""Which elements of the schema an operation uses, by their coordinates (`Type`, `Type.field`, `Type.field(argument:)`).

In doubt an element is used: a field of an interface is used on every type that may be behind it, and a type that may be
met is used. Introspection, directives and the language's own scalars are not told.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    is_abstract_type,
    is_introspection_type,
    is_specified_scalar_type,
    type_from_ast,
)


class Uses(msgspec.Struct, frozen=True, eq=False):
    """What an operation uses, whatever its variables; `inputs` are the types of those that may use more.

    Equal only to itself, so that it can be counted without being compared.
    """

    coordinates: frozenset[str]
    inputs: tuple[tuple[str, Any], ...]
    """The names of variables and their types of graphql-core, for `uses_of_variables`."""


def uses_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Uses:
    """What an operation of a valid document uses."""
    walk = _Walk(schema, document)
    inputs = []
    for definition in operation.variable_definitions or ():
        given = type_from_ast(schema, definition.type)
        walk.type(get_named_type(given))
        if definition.default_value is not None:
            walk.literal(definition.default_value, given)
        if isinstance(get_named_type(given), (GraphQLInputObjectType, GraphQLEnumType)):
            inputs.append((definition.variable.name.value, given))
    walk.selections(operation.selection_set, schema.get_root_type(operation.operation))
    return Uses(frozenset(walk.found), tuple(inputs))


def uses_of_variables(uses: Uses, variables: Mapping[str, Any]) -> set[str]:
    """The input fields and enum values that the values of variables use; values that do not fit use nothing.

    Every value is looked at (the edge has bounded them), but objects with the same members only once in full.
    """
    found: set[str] = set()
    told: set[tuple[str, ...]] = set()
    deeper: dict[str, list[tuple[str, Any]]] = {}
    pending = [(variables.get(name), of) for name, of in uses.inputs]
    while pending:
        value, of = pending.pop()
        if isinstance(of, GraphQLNonNull):
            of = of.of_type
        if isinstance(of, GraphQLList):
            pending.extend((item, of.of_type) for item in (value if isinstance(value, list) else (value,)))
        elif isinstance(of, GraphQLEnumType):
            if isinstance(value, str) and value in of.values:
                found.add(f"{of.name}.{value}")
        elif isinstance(of, GraphQLInputObjectType) and isinstance(value, dict):
            if of.name not in deeper:
                deeper[of.name] = _inputs_within(of)
            members = (of.name, *value)
            if members not in told:
                told.add(members)
                found.update(_input_uses(of, value))
            pending.extend((value[name], inner) for name, inner in deeper[of.name] if name in value)
    return found


def _inputs_within(of: GraphQLInputObjectType) -> list[tuple[str, Any]]:
    """The fields whose values use elements of their own, with their types."""
    return [
        (name, field.type)
        for name, field in of.fields.items()
        if isinstance(get_named_type(field.type), (GraphQLInputObjectType, GraphQLEnumType))
    ]


def _input_uses(of: GraphQLInputObjectType, value: Mapping[str, Any]) -> Iterator[str]:
    for name in value.keys() & of.fields.keys():
        yield f"{of.name}.{name}"
        named = get_named_type(of.fields[name].type)
        if _is_told(named):
            yield named.name


class _Walk:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._spread: set[str] = set()
        self.found: set[str] = set()

    def type(self, of: GraphQLNamedType | None) -> None:
        """This type is used, and where it is abstract, every type that may be behind it."""
        if of is None or not _is_told(of):
            return
        self.found.add(of.name)
        self.found.update(each.name for each in self._behind(of))

    def selections(self, selected: SelectionSetNode, parent: GraphQLNamedType | None) -> None:
        """What is selected of a parent of this type; each fragment counts once, whose type is its own."""
        for node in selected.selections:
            if isinstance(node, FieldNode):
                self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                within = parent
                if node.type_condition is not None:
                    within = self._schema.get_type(node.type_condition.name.value)
                self.type(within)
                self.selections(node.selection_set, within)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in self._spread:
                self._spread.add(node.name.value)
                fragment = self._fragments[node.name.value]
                within = self._schema.get_type(fragment.type_condition.name.value)
                self.type(within)
                self.selections(fragment.selection_set, within)

    def literal(self, node: ValueNode, of: Any) -> None:
        """A value as written; variables within it are counted where they are defined."""
        if isinstance(of, GraphQLNonNull):
            of = of.of_type
        if isinstance(of, GraphQLList):
            for item in node.values if isinstance(node, ListValueNode) else (node,):
                self.literal(item, of.of_type)
        elif isinstance(of, GraphQLEnumType) and isinstance(node, EnumValueNode):
            self.found.add(f"{of.name}.{node.value}")
        elif isinstance(of, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
            for field in node.fields:
                definition = of.fields[field.name.value]
                self.found.add(f"{of.name}.{field.name.value}")
                self.type(get_named_type(definition.type))
                self.literal(field.value, definition.type)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        # __typename, and introspection, which is of no element of ours.
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) or name.startswith("__"):
            return
        field = parent.fields[name]
        self.type(parent)
        owners = [parent.name, *(each.name for each in self._behind(parent))]
        self.found.update(f"{owner}.{name}" for owner in owners)
        for argument in node.arguments or ():
            definition: GraphQLArgument = field.args[argument.name.value]
            self.found.update(f"{owner}.{name}({argument.name.value}:)" for owner in owners)
            self.type(get_named_type(definition.type))
            self.literal(argument.value, definition.type)
        named = get_named_type(field.type)
        self.type(named)
        if node.selection_set is not None:
            self.selections(node.selection_set, named)

    def _behind(self, of: GraphQLNamedType) -> list[GraphQLObjectType]:
        return list(self._schema.get_possible_types(of)) if is_abstract_type(of) else []


def _is_told(of: GraphQLNamedType) -> bool:
    return not is_specified_scalar_type(of) and not is_introspection_type(of)
