"""The specification's arithmetic once more, as plainly as can be: no compilation, no sharing, nothing folded.

Annotated coordinates are looked up each time, values are those of graphql-core's coercion wherever it has one, and
every object is looked at on its own.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from graphql.execution.values import get_argument_values, get_variable_values

from schema.annotations import Annotations
from schema.directives import ListSize


class Oracle:
    """One operation of a schema without introspection in it, with variables that can be coerced."""

    def __init__(
        self, schema: GraphQLSchema, annotations: Annotations, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self.schema = schema
        self.annotations = annotations
        [self.operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        self.fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        values = get_variable_values(schema, self.operation.variable_definitions or (), dict(variables))
        assert not isinstance(values, list), values
        self.values = values
        self.root = schema.get_root_type(self.operation.operation)
        assert self.root is not None

    def static(self) -> Decimal:
        """The most that the operation may cost."""
        return self._most(self.root, [self.operation.selection_set], {})

    def actual(self, data: Mapping[str, Any]) -> Decimal:
        """What a response without errors cost; each object of it has its type as `__t`."""
        return self._answered(data, [self.operation.selection_set])

    def _most(self, type_: Any, sets: Sequence[SelectionSetNode], sized: Mapping[str, int]) -> Decimal:
        total = self._weight(type_.name, composite=True)
        for nodes in self._fields(type_, sets).values():
            field = type_.fields[nodes[0].name.value]
            total += self._own(type_, nodes)
            count = self._count(type_, nodes, sized)
            named = get_named_type(field.type)
            if is_composite_type(named):
                possible = self.schema.get_possible_types(named) if is_abstract_type(named) else [named]
                inner = [node.selection_set for node in nodes if node.selection_set]
                passed_on = self._passed_on(type_, nodes)
                total += count * max((self._most(one, inner, passed_on) for one in possible), default=Decimal(0))
            else:
                total += count * self._weight(named.name, composite=False)
        return total

    def _answered(self, value: Mapping[str, Any], sets: Sequence[SelectionSetNode]) -> Decimal:
        type_: Any = self.schema.get_type(value["__t"])
        total = self._weight(type_.name, composite=True)
        for key, nodes in self._fields(type_, sets).items():
            total += self._own(type_, nodes)
            inner = [node.selection_set for node in nodes if node.selection_set]
            if inner:
                total += sum((self._answered(one, inner) for one in _objects(value[key])), Decimal(0))
            else:
                named = get_named_type(type_.fields[nodes[0].name.value].type)
                # The executor counts objects: what they hold in scalars is counted as it was priced.
                total += self._count(type_, nodes, {}) * self._weight(named.name, composite=False)
        return total

    def _weight(self, name: str, *, composite: bool) -> Decimal:
        return self.annotations.types.get(name, Decimal(1 if composite else 0))

    def _own(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Decimal:
        """A field with its arguments."""
        name = nodes[0].name.value
        if name == "__typename":
            return Decimal(0)
        field = type_.fields[name]
        coordinate = f"{type_.name}.{name}"
        default = 1 if is_composite_type(get_named_type(field.type)) else 0
        total = self.annotations.fields.get(coordinate, Decimal(default))
        given = self._given(type_, nodes[0])
        for argument in nodes[0].arguments or ():
            argument_name = argument.name.value
            if argument_name in given:
                declared = field.args[argument_name].type
                weight = self._input_weight(self.annotations.arguments, f"{coordinate}({argument_name}:)", declared)
                total += self._input(given[argument_name], declared, weight)
        return max(total, Decimal(0))

    def _given(self, type_: GraphQLObjectType, node: FieldNode) -> dict[str, Any]:
        """The coerced arguments, without those that the schema's defaults alone give."""
        values = get_argument_values(type_.fields[node.name.value], node, self.values)
        absent = {
            argument.name.value
            for argument in node.arguments or ()
            if argument.value.kind == "variable" and argument.value.name.value not in self.values.coerced  # type: ignore[attr-defined]  # a variable has a name
        }
        written = {argument.name.value for argument in node.arguments or ()} - absent
        return {name: value for name, value in values.items() if name in written}

    def _input_weight(self, annotated: Mapping[str, Decimal], coordinate: str, type_: Any) -> Decimal:
        default = 1 if isinstance(get_named_type(type_), GraphQLInputObjectType) else 0
        return annotated.get(coordinate, Decimal(default))

    def _input(self, value: Any, type_: Any, weight: Decimal) -> Decimal:
        while isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if value is None:
            return Decimal(0)
        if isinstance(type_, GraphQLList):
            return sum((self._input(item, type_.of_type, weight) for item in value), Decimal(0))
        if isinstance(type_, GraphQLInputObjectType):
            fields = type_.fields
            return weight + sum(
                (
                    self._input(
                        inner,
                        fields[name].type,
                        self._input_weight(self.annotations.input_fields, f"{type_.name}.{name}", fields[name].type),
                    )
                    for name, inner in value.items()
                ),
                Decimal(0),
            )
        return weight

    def _count(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode], sized: Mapping[str, int]) -> int:
        name = nodes[0].name.value
        if name == "__typename":
            return 0
        declared: Any = type_.fields[name].type
        size = sized.get(name)
        annotated = self.annotations.list_sizes.get(f"{type_.name}.{name}")
        if size is None and annotated is not None and not annotated.sized_fields:
            size = self._size(type_, nodes[0], annotated)
        count = 1
        while isinstance(declared, GraphQLNonNull | GraphQLList):
            if isinstance(declared, GraphQLList):
                count *= 1 if size is None else size
            declared = declared.of_type
        return count

    def _passed_on(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> dict[str, int]:
        annotated = self.annotations.list_sizes.get(f"{type_.name}.{nodes[0].name.value}")
        if annotated is None:
            return {}
        return dict.fromkeys(annotated.sized_fields, self._size(type_, nodes[0], annotated))

    def _size(self, type_: GraphQLObjectType, node: FieldNode, annotated: ListSize) -> int:
        values = get_argument_values(type_.fields[node.name.value], node, self.values)
        return size_by(annotated, values)

    def _fields(self, type_: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()

        def collect(selected: SelectionSetNode) -> None:
            for node in selected.selections:
                if not self._included(node):
                    continue
                if isinstance(node, FieldNode):
                    found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                elif isinstance(node, InlineFragmentNode):
                    if node.type_condition is None or self._is(type_, node.type_condition.name.value):
                        collect(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                    seen.add(node.name.value)
                    fragment = self.fragments[node.name.value]
                    if self._is(type_, fragment.type_condition.name.value):
                        collect(fragment.selection_set)

        for one in sets:
            collect(one)
        return {key: nodes for key, nodes in found.items() if nodes[0].name.value != "__typename"}

    def _is(self, type_: GraphQLObjectType, condition: str) -> bool:
        on: Any = self.schema.get_type(condition)
        return on is type_ or (is_abstract_type(on) and type_ in self.schema.get_possible_types(on))

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            declared = self.schema.get_directive(directive.name.value)
            assert declared is not None
            given = get_argument_values(declared, directive, self.values)
            if given["if"] is (directive.name.value == "skip"):
                return False
        return True


def size_by(annotated: ListSize, values: Mapping[str, Any]) -> int:
    """The bound of a list by the coerced arguments of its field."""
    asked = []
    for path in annotated.slicing_arguments:
        value: Any = values
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, list):
            asked.append(len(value))
        elif value is not None:
            asked.append(max(value, 0))
    if asked:
        return max(asked)
    for one in annotated.assumed_for:
        if values.get(one.argument) == one.value:
            if one.span is None:
                return one.size
            span = values.get(one.span.argument)
            seconds = one.span.default
            if span is not None:
                moments = [datetime.fromisoformat(span[name]) for name in ("from", "until")]
                seconds = max(0, math.ceil((moments[1] - moments[0]).total_seconds()))
            return min(one.size, math.ceil(seconds / one.span.seconds) + 1)
    assert annotated.assumed_size is not None
    return annotated.assumed_size


def _objects(value: Any) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if isinstance(value, list):
        return [inner for one in value for inner in _objects(one)]
    return [value]
