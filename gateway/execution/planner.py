"""From an operation to its plan, or to the reason why graphql-core runs it.

Fields are collected by graphql-core, once for each concrete type at each place, so that merging, order, fragments,
@skip and @include are its own. What a field's resolver is, the graph says in its metadata (schema/fields.py): a
record's attribute, a typed id, a batched resolver, or a root field's.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    VariableNode,
    is_list_type,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry import ID
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from gateway.execution.arguments import Arguments, arguments_of
from gateway.execution.generated import Field, Generator
from gateway.execution.leaves import Leaf, leaf_of
from gateway.execution.plan import (
    Attribute,
    Call,
    Choice,
    Column,
    Items,
    Leaves,
    Objects,
    Plain,
    Plan,
    Selection,
    TypedId,
    TypeName,
)
from gateway.execution.reads import DEFINITION, Details, reads_below, reads_of_records, record_of
from persistence.projections import Reads
from schema.fields import BATCH_RESOLVER, ROOT_RESOLVER
from schema.relay import ID_PREFIX, OfRecord

_SCALARS: Final = (str, int, float, bool, ID)

MOST_FIELDS: Final = 10_000
"""Of a plan, once for each type and place that they are for; graphql-core runs what has more."""


class Unplanned(Exception):
    """The operation is not one for compiled code; the message says why."""


class Planner:
    """Plans operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._generator = Generator()
        self._leaves: dict[int, Leaf | None] = {}

    def _leaf(self, of_type: GraphQLOutputType) -> Leaf | None:
        """`leaf_of` a type of the schema, once."""
        if id(of_type) not in self._leaves:
            self._leaves[id(of_type)] = leaf_of(of_type)
        return self._leaves[id(of_type)]

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode, variables: VariableValues) -> Plan:
        """The plan for whatever variables steer the operation as these do. Raises Unplanned."""
        root = self._schema.query_type
        if root is None:
            raise Unplanned("there are no queries")
        return _Planning(self._schema, self._generator, self._leaf, document, operation, variables).plan(root)


class _Planning:
    def __init__(
        self,
        schema: GraphQLSchema,
        generator: Generator,
        leaf: Callable[[GraphQLOutputType], Leaf | None],
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._generator = generator
        self._leaf = leaf
        self._operation = operation
        self._variables = variables
        self._fragments = {
            node.name.value: FragmentDetails(node)
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._collected: dict[tuple[str, int], Mapping[str, Details]] = {}
        self._kept: list[Details] = []
        self._reads: Mapping[type[Any], Reads] = {}
        self._known: dict[tuple[str, tuple[str, ...], tuple[int, ...]], Selection] = {}
        self._fields = 0

    def plan(self, root: GraphQLObjectType) -> Plan:
        collected = collect_fields(self._schema, self._fragments, self._variables, root, self._operation)
        self._reads = reads_of_records(self._schema, root, collected.grouped_field_set, self._subfields)
        selection = self._selection(root, collected.grouped_field_set, (), (), repeats=False)
        return Plan(selection, tuple(self._known.values()), self._fields)

    def _subfields(self, parent: GraphQLObjectType, details: Details) -> Mapping[str, Details]:
        key = (parent.name, id(details))
        found = self._collected.get(key)
        if found is None:
            collected = collect_subfields(
                self._schema, self._fragments, self._variables, self._operation, parent, details
            )
            if collected.new_defer_usages:
                raise Unplanned("@defer")
            found = self._collected[key] = collected.grouped_field_set
            self._kept.append(details)
        return found

    def _selection(
        self,
        parent: GraphQLObjectType,
        grouped: Mapping[str, Details],
        nodes: tuple[FieldNode, ...],
        path: tuple[str, ...],
        *,
        repeats: bool,
    ) -> Selection:
        # Types of an interface lead to the same selections below, and each is planned once.
        place = (parent.name, path, tuple(map(id, nodes)))
        if (known := self._known.get(place)) is not None:
            return known
        self._fields += len(grouped)
        if self._fields > MOST_FIELDS:
            raise Unplanned(f"it has more than {MOST_FIELDS:,} fields")
        fields = {key: self._field(parent, key, details, path) for key, details in grouped.items()}
        code = self._generator.generated(fields)
        columns = tuple(field for field in fields.values() if isinstance(field, Column))
        selection = Selection(
            index=len(self._known),
            type_name=parent.name,
            nodes=nodes,
            path=path,
            record=record_of(parent),
            is_type_of=_check(parent),
            columns=columns,
            build=code.build,
            text=code.text,
            constants=code.constants,
            keys=tuple(fields),
            waits=any(column.waits for column in columns),
            repeats=repeats and not columns,
        )
        self._known[place] = selection
        return selection

    def _field(self, parent: GraphQLObjectType, key: str, details: Details, path: tuple[str, ...]) -> Field:
        node = details[0].node
        name = node.name.value
        if name == "__typename":
            return TypeName(parent.name)
        field = parent.fields.get(name)
        if field is None:
            raise Unplanned(f"{name} is introspection")
        declared = field.extensions.get(DEFINITION)
        if not isinstance(declared, StrawberryField) or declared.extensions:
            raise Unplanned(f"{parent.name}.{name} is not a field of the graph's kinds")
        if (prefix := declared.metadata.get(ID_PREFIX)) is not None:
            return TypedId(prefix)
        resolver = declared.metadata.get(BATCH_RESOLVER) or declared.metadata.get(ROOT_RESOLVER)
        leaf = self._leaf(field.type)
        if resolver is None:
            attribute = self._attribute(parent, declared, field)
            if leaf is not None:
                return Plain(attribute, leaf)
            objects = self._shape(field.type, details, (*path, key), repeats=False)
            return Column(key, Attribute(attribute), objects, objects.waits)
        shape = Leaves(leaf) if leaf is not None else self._shape(field.type, details, (*path, key), repeats=True)
        call = Call(
            resolver=resolver,
            arguments=self._arguments(parent, declared, field, node),
            waits=inspect.iscoroutinefunction(resolver),
            reads=reads_below(self._schema, field.type, details, self._subfields, self._reads),
            type_name=parent.name,
            nodes=tuple(detail.node for detail in details),
            path=(*path, key),
        )
        return Column(key, call, shape, call.waits or shape.waits)

    def _attribute(self, parent: GraphQLObjectType, declared: StrawberryField, field: GraphQLField) -> str:
        plain = type(declared) is StrawberryField and declared.base_resolver is None and not field.args
        if not plain or not declared.python_name.isidentifier() or parent is self._schema.query_type:
            raise Unplanned(f"{parent.name}.{declared.python_name} has a resolver for single objects")
        return declared.python_name

    def _arguments(
        self, parent: GraphQLObjectType, declared: StrawberryField, field: GraphQLField, node: FieldNode
    ) -> Arguments:
        strawberry_schema: Any = self._schema._strawberry_schema  # type: ignore[attr-defined]  # Strawberry's own link
        config, scalars = strawberry_schema.config, strawberry_schema.schema_converter.scalar_registry

        def convert(values: Mapping[str, Any]) -> dict[str, Any]:
            return convert_arguments(dict(values), declared.arguments, scalars, config)

        try:
            varies = any(isinstance(argument.value, VariableNode) for argument in node.arguments or ())
            return arguments_of(field, node, convert, _as_coerced(declared, config) if varies else {})
        # A conversion may raise anything; graphql-core meets it again and says it to the client.
        except Exception as error:
            raise Unplanned(f"an argument of {parent.name}.{node.name.value} is refused: {error}") from error

    def _shape(
        self, of_type: GraphQLOutputType, details: Details, path: tuple[str, ...], *, repeats: bool
    ) -> Objects | Items:
        nullable = not isinstance(of_type, GraphQLNonNull)
        bare: Any = of_type.of_type if isinstance(of_type, GraphQLNonNull) else of_type
        if is_list_type(bare):
            item = self._shape(bare.of_type, details, path, repeats=False)
            return Items(nullable, item, item.waits)
        nodes = tuple(detail.node for detail in details)

        def selected(concrete: GraphQLObjectType) -> Selection:
            return self._selection(concrete, self._subfields(concrete, details), nodes, path, repeats=repeats)

        if isinstance(bare, GraphQLObjectType):
            target: Selection | Choice = selected(bare)
        else:
            target = Choice(tuple(selected(one) for one in self._possible(bare)))
        return Objects(nullable, target, target.waits)

    def _possible(self, abstract: GraphQLInterfaceType | GraphQLUnionType) -> Sequence[GraphQLObjectType]:
        possible = self._schema.get_possible_types(abstract)
        if any(one.is_type_of is None for one in possible):
            raise Unplanned(f"{abstract.name} has types that do not know their values")
        return possible


def _as_coerced(declared: StrawberryField, config: StrawberryConfig) -> dict[str, str]:
    """The keywords of arguments that are scalars of GraphQL's own, by their names in the graph."""
    found = {}
    for argument in declared.arguments:
        of_type = argument.type.of_type if type(argument.type) is StrawberryOptional else argument.type
        if of_type in _SCALARS and argument.python_name:
            found[config.name_converter.from_argument(argument)] = argument.python_name
    return found


def _check(of_type: GraphQLObjectType) -> Callable[[Any, Any], Any] | None:
    """What decides whether a value is of the type, beside its record."""
    check = of_type.is_type_of
    return None if isinstance(check, OfRecord) and check.kinds is None else check
