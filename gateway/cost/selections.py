"""An operation compiled: its fields collected as execution collects them, for each concrete type, and priced."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from gateway.cost.formula import Below, Charge, Formula, GroupKey, Leaves, PricedField, Selection, group_of
from gateway.cost.introspection import WHOLE
from gateway.cost.sizes import ONE_VALUE, UNKNOWN_SIZE, Size, size_of
from gateway.cost.values import summed, value_of
from gateway.errors import Code, RequestRejected

if TYPE_CHECKING:
    from gateway.cost.model import CostModel, FieldModel

MOST_STEPS: Final = 30_000
"""Selections visited while one operation is compiled, once for each type that they are for."""

DEEPEST: Final = 100
"""Levels of an operation; documents have had their own, smaller limit before."""

_STEERING: Final = frozenset({"skip", "include"})


class Sized(msgspec.Struct, frozen=True):
    """Lists of an object whose size the field says that leads to it."""

    names: frozenset[str] = frozenset()
    size: Size = ONE_VALUE


class Whole:
    """Lists that together show all that there is of something, priced by how many there are in all.

    Their lines are put below the object that they begin at, `path` says where they are.
    """

    __slots__ = ("below", "path")

    def __init__(self, below: list[Below], path: tuple[str, ...]) -> None:
        self.below = below
        self.path = path


def steering_names(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The variables that @skip and @include name, in the operation and all fragments that it spreads."""
    fragments = _fragments(document)
    names: dict[str, None] = {}
    spread: set[str] = set()
    pending: list[SelectionSetNode] = [operation.selection_set]
    while pending:
        for node in pending.pop().selections:
            for directive in node.directives or ():
                if directive.name.value in _STEERING:
                    names.update(
                        (argument.value.name.value, None)
                        for argument in directive.arguments or ()
                        if isinstance(argument.value, VariableNode)
                    )
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name in fragments and name not in spread:
                    spread.add(name)
                    pending.append(fragments[name].selection_set)
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set is not None:
                pending.append(node.selection_set)
    return tuple(names)


def variable_defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Defaults of the operation's variables, as JSON."""
    return {
        definition.variable.name.value: value_of(definition.default_value, {})
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def compiled(
    model: "CostModel", document: DocumentNode, operation: OperationDefinitionNode, steering: Mapping[str, bool]
) -> Formula:
    """See `CostModel.formula`."""
    compilation = _Compilation(model, _fragments(document), steering)
    root = model.schema.get_root_type(operation.operation)
    if root is None:
        raise RequestRejected(Code.OPERATION_RESOLUTION_FAILURE, [GraphQLError("There is no such kind of operation.")])
    compilation.selection(root, (), [operation.selection_set], "", Sized(), None, 0)
    return Formula(document, compilation.found, variable_defaults(operation))


class _Compilation:
    def __init__(
        self, model: "CostModel", fragments: Mapping[str, FragmentDefinitionNode], steering: Mapping[str, bool]
    ) -> None:
        self._model = model
        self._schema = model.schema
        self._fragments = fragments
        self._steering = steering
        self._steps = 0
        self._known: dict[tuple[GroupKey, str], Selection] = {}
        self.found: list[Selection] = []

    def selection(
        self,
        type_: GraphQLObjectType,
        nodes: Sequence[FieldNode],
        sets: Sequence[SelectionSetNode],
        sizer: str,
        sized: Sized,
        whole: Whole | None,
        depth: int,
    ) -> Selection:
        """What is asked of the objects of a type; the same question is compiled once.

        `sizer` is the field that sizes lists of theirs, if one does.
        """
        group = group_of(type_.name, nodes)
        key = (group, sizer)
        known = self._known.get(key) if whole is None else None
        if known is not None:
            return known
        if depth > DEEPEST:
            raise _too_many()
        fields: list[PricedField] = []
        below: list[Below] = []
        for response_key, field_nodes in self._collected(type_, sets).items():
            field = self._model.field(type_, field_nodes[0].name.value)
            if field is not None:
                fields += self._priced(response_key, field, field_nodes, sized)
                if field.types:
                    self._descend(response_key, field, field_nodes, sized, whole, below, depth)
        weight = self._model.type_weight(type_)
        leaves = [_leaf_cost(one.leaves) for one in fields if one.leaves is not None]
        own = summed([weight, *(one.own for one in fields), *leaves])
        made = Selection(len(self.found), group, weight, fields, below, own)
        self.found.append(made)
        if whole is None:
            self._known[key] = made
        return made

    def _descend(
        self,
        response_key: str,
        field: "FieldModel",
        nodes: Sequence[FieldNode],
        sized: Sized,
        whole: Whole | None,
        below: list[Below],
        depth: int,
    ) -> None:
        """Compile what lies below a field that leads to objects."""
        coordinate = field.coordinate
        path: tuple[str, ...] = (response_key,)
        inner: Whole | None = None
        if coordinate in self._model.population.largest:
            if whole is None and coordinate in ("__Schema.types", "__Schema.directives"):
                whole = Whole(below, ())
            if whole is None:
                size = Size(self._model.population.largest[coordinate])
            else:
                size = Size(self._model.population.total[coordinate])
                path = (*whole.path, response_key)
                below = whole.below
                inner = Whole(below, path) if coordinate in WHOLE else None
        else:
            size = self._size(field, nodes, sized)
        sizes = Sized()
        sizer = ""
        if field.size is not None and field.size.sized_fields:
            sizes = Sized(frozenset(field.size.sized_fields), size_of(field.field, nodes[0], field.size))
            sizer = coordinate
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        choices = [self.selection(type_, nodes, sets, sizer, sizes, inner, depth + 1) for type_ in field.types]
        below.append(Below(path, size, size is not sized.size, field.lists, tuple(choices)))

    def _size(self, field: "FieldModel", nodes: Sequence[FieldNode], sized: Sized) -> Size:
        if field.lists == 0:
            return ONE_VALUE
        if nodes[0].name.value in sized.names:
            return sized.size
        if field.size is None or field.size.sized_fields:
            return Size(UNKNOWN_SIZE)
        return size_of(field.field, nodes[0], field.size)

    def _priced(
        self, response_key: str, field: "FieldModel", nodes: Sequence[FieldNode], sized: Sized
    ) -> Iterable[PricedField]:
        """The field, if it costs anything."""
        charges = [
            Charge(f"{field.coordinate}({name}:)", cost)
            for argument in nodes[0].arguments or ()
            if (name := argument.name.value) in field.arguments
            and (cost := self._argument_cost(field, name, argument.value)) != 0
        ]
        charges += [
            charge for node in nodes for directive in node.directives or () for charge in self._directive(directive)
        ]
        leaves = None
        if not field.types and (weight := self._model.type_weight(field.named)):
            leaves = Leaves(field.named.name, weight, self._size(field, nodes, sized), field.lists)
        if field.weight or charges or leaves:
            own = summed([field.weight, *(charge.cost for charge in charges)], least=0)
            yield PricedField(response_key, field.coordinate, field.weight, tuple(charges), leaves, own)

    def _argument_cost(self, field: "FieldModel", name: str, node: Any) -> Any:
        return self._model.argument_prices.price(node, field.field.args[name].type, field.arguments[name])

    def _directive(self, directive: DirectiveNode) -> Iterable[Charge]:
        """What the arguments of a directive add to its field."""
        name = directive.name.value
        weights = self._model.directives.get(name)
        if not weights:
            return
        declared = self._schema.get_directive(name)
        for argument in directive.arguments or ():
            given = argument.name.value
            if declared is not None and given in weights:
                price = self._model.argument_prices.price(argument.value, declared.args[given].type, weights[given])
                yield Charge(f"@{name}({given}:)", price)

    def _collected(self, type_: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """Fields by response key, as CollectFields of the GraphQL specification: a fragment is visited once."""
        fields: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        pending = [iter(one.selections) for one in reversed(sets)]
        while pending:
            node = next(pending[-1], None)
            if node is None:
                pending.pop()
                continue
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise _too_many()
            if node.directives and not self._included(node.directives):
                continue
            if isinstance(node, FieldNode):
                fields.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._fits(type_, node.type_condition.name.value):
                    pending.append(iter(node.selection_set.selections))
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                fragment = self._fragments.get(node.name.value)
                if fragment is not None and self._fits(type_, fragment.type_condition.name.value):
                    visited.add(node.name.value)
                    pending.append(iter(fragment.selection_set.selections))
        return fields

    def _included(self, directives: Sequence[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name in _STEERING:
                for argument in directive.arguments or ():
                    value = argument.value
                    decided = (
                        self._steering.get(value.name.value) if isinstance(value, VariableNode) else value_of(value, {})
                    )
                    if decided is (name == "skip"):
                        return False
        return True

    def _fits(self, type_: GraphQLObjectType, condition: str) -> bool:
        if condition == type_.name:
            return True
        on = self._schema.get_type(condition)
        return isinstance(on, GraphQLInterfaceType | GraphQLUnionType) and self._schema.is_sub_type(on, type_)


def _leaf_cost(leaves: Leaves) -> Any:
    def cost(variables: Mapping[str, Any]) -> int:
        return leaves.weight * leaves.count(variables)

    return cost if leaves.size.constant is None else cost({})


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def _too_many() -> RequestRejected:
    message = "The operation has too many fields to be priced: ask for less at once, or of fewer types."
    return RequestRejected(Code.TOO_MANY_FIELDS, [GraphQLError(message)])
