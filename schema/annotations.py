"""What the graph costs and what may be kept of it, as its SDL says: the directives read and checked."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from graphql import (
    DirectiveDefinitionNode,
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_ast_schema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
    print_ast,
    value_from_ast_untyped,
)
from graphql.validation.validate import validate_sdl

from schema.annotation_rules import LARGEST_WEIGHT, LONGEST_AGE, possible_types, size_mistakes, weight_problem
from schema.directives import (
    ASSUMED_SIZE_FOR,
    CACHE_CONTROL,
    COST,
    DIRECTIVES,
    LEAF_COST,
    LIST_SIZE,
    AssumedSizeFor,
    Hint,
    ListSize,
    Scope,
    Span,
)


class Annotations(msgspec.Struct, frozen=True):
    """By schema coordinate; weights are points with at most three decimals. What is not there has its default.

    `arguments` holds those of directives too, as "@approx(tolerance:)".
    """

    types: Mapping[str, Decimal]
    fields: Mapping[str, Decimal]
    arguments: Mapping[str, Decimal]
    input_fields: Mapping[str, Decimal]
    list_sizes: Mapping[str, ListSize]
    leaf: Decimal = Decimal(0)
    """Of a field of scalars or enumerations that has no weight of its own."""
    hints: Mapping[str, Hint] = {}
    """Of types and fields."""


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with the annotations at one coordinate; it may be empty when the SDL as a whole is at fault."""

    coordinate: str
    message: str

    def __str__(self) -> str:
        return f"{self.coordinate}: {self.message}" if self.coordinate else self.message


class AnnotationMistakes(Exception):
    """All that is wrong with the annotations of an SDL."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(["The annotations of the graph are wrong.", *map(str, mistakes)]))
        self.mistakes = tuple(mistakes)


def read_annotations(document: DocumentNode) -> Annotations:
    """The annotations of an SDL. Raises AnnotationMistakes with every mistake in it."""
    found = _Reader(document)
    if found.mistakes:
        raise AnnotationMistakes(found.mistakes)
    return Annotations(
        found.types, found.fields, found.arguments, found.input_fields, found.list_sizes, found.leaf, found.hints
    )


class _Reader:
    def __init__(self, document: DocumentNode) -> None:
        self.types: dict[str, Decimal] = {}
        self.fields: dict[str, Decimal] = {}
        self.arguments: dict[str, Decimal] = {}
        self.input_fields: dict[str, Decimal] = {}
        self.list_sizes: dict[str, ListSize] = {}
        self.leaf = Decimal(0)
        self.hints: dict[str, Hint] = {}
        self.mistakes: list[Mistake] = []
        self._misplaced(document)
        self._redefined(document)
        for error in validate_sdl(document):
            # What is misplaced is told above, with its coordinate.
            nodes = error.nodes or ()
            if not (nodes and isinstance(nodes[0], DirectiveNode) and "may not be used on" in error.message):
                self.mistakes.append(Mistake("", error.message))
        if not self.mistakes:
            self._read(build_ast_schema(document, assume_valid_sdl=True))

    def _refuse(self, coordinate: str, message: str) -> None:
        self.mistakes.append(Mistake(coordinate, message))

    def _misplaced(self, document: DocumentNode) -> None:
        """Directives on definitions that cannot have them."""
        locations = {
            "object_type": {COST, CACHE_CONTROL},
            "scalar_type": {COST},
            "enum_type": {COST},
            "schema": {LEAF_COST},
        }
        for definition in document.definitions:
            kind = definition.kind.removesuffix("_definition").removesuffix("_extension")
            name = getattr(getattr(definition, "name", None), "value", kind)
            allowed = locations.get(kind, set())
            for directive in _ours(definition):
                if directive.name.value not in allowed:
                    where = kind.removesuffix("_type").replace("_", " ")
                    self._refuse(name, f"@{directive.name.value} has no meaning on a definition of {where}")
            for member in getattr(definition, "values", None) or ():
                for directive in _ours(member):
                    self._refuse(f"{name}.{member.name.value}", f"@{directive.name.value} has no meaning on a value")
            for field in getattr(definition, "fields", None) or ():
                if not isinstance(field, FieldDefinitionNode):
                    self._only_cost(f"{name}.{field.name.value}", field)
                    continue
                for argument in field.arguments or ():
                    self._only_cost(f"{name}.{field.name.value}({argument.name.value}:)", argument)

    def _only_cost(self, coordinate: str, node: Any) -> None:
        for directive in _ours(node):
            if directive.name.value != COST:
                self._refuse(coordinate, f"@{directive.name.value} has a meaning on fields alone")

    def _redefined(self, document: DocumentNode) -> None:
        """Definitions of the directives that are not the specification's, descriptions apart."""
        expected = _signatures(parse(DIRECTIVES))
        for name, signature in _signatures(document).items():
            if name in expected and signature != expected[name]:
                self._refuse(f"@{name}", f"is not defined as it should be: {expected[name]}")

    def _read(self, schema: GraphQLSchema) -> None:
        self._read_leaf_cost([schema.ast_node, *(schema.extension_ast_nodes or ())])
        for name, type_ in schema.type_map.items():
            if name.startswith("__"):
                continue
            if isinstance(type_, GraphQLObjectType | GraphQLScalarType | GraphQLEnumType):
                self._weigh(self.types, name, _nodes(type_), least=Decimal(0))
                self._hint(name, _nodes(type_))
            if isinstance(type_, GraphQLInputObjectType):
                for field_name, input_field in type_.fields.items():
                    self._weigh(self.input_fields, f"{name}.{field_name}", [input_field.ast_node])
            if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
                for field_name, field in type_.fields.items():
                    self._read_field(schema, type_, f"{name}.{field_name}", field)
        for directive in schema.directives:
            for argument_name, argument in directive.args.items():
                self._weigh(self.arguments, f"@{directive.name}({argument_name}:)", [argument.ast_node])
        self._unbounded(schema)

    def _read_field(
        self,
        schema: GraphQLSchema,
        parent: GraphQLObjectType | GraphQLInterfaceType,
        coordinate: str,
        field: GraphQLField,
    ) -> None:
        weighed: list[tuple[dict[str, Decimal], str, Any]] = [(self.fields, coordinate, field.ast_node)]
        weighed += [
            (self.arguments, f"{coordinate}({name}:)", argument.ast_node) for name, argument in field.args.items()
        ]
        for found, where, node in weighed:
            if isinstance(parent, GraphQLInterfaceType) and any(one.name.value == COST for one in _ours(node)):
                self._refuse(where, "@cost stands on the fields of objects, not on those of interfaces")
            else:
                self._weigh(found, where, [node])
        if isinstance(parent, GraphQLInterfaceType) and any(
            one.name.value == CACHE_CONTROL for one in _ours(field.ast_node)
        ):
            self._refuse(coordinate, "@cacheControl stands on the fields of objects, not on those of interfaces")
        else:
            self._hint(coordinate, [field.ast_node])
        size = self._list_size(field.ast_node, coordinate)
        if size is not None:
            self.mistakes += [Mistake(coordinate, text) for text in size_mistakes(schema, field, size)]
            self.list_sizes[coordinate] = size

    def _weigh(
        self, found: dict[str, Decimal], coordinate: str, nodes: Iterable[Any], *, least: Decimal = -LARGEST_WEIGHT
    ) -> None:
        for node in nodes:
            for directive in _ours(node):
                if directive.name.value == COST:
                    text = _arguments(directive)["weight"]
                    problem = weight_problem(text, least)
                    if problem is None:
                        found[coordinate] = Decimal(text)
                    else:
                        self._refuse(coordinate, problem)

    def _hint(self, coordinate: str, nodes: Iterable[Any]) -> None:
        for node in nodes:
            for directive in _ours(node):
                if directive.name.value != CACHE_CONTROL:
                    continue
                arguments = _arguments(directive)
                seconds, scope = arguments.get("maxAge"), arguments.get("scope")
                if seconds is None and scope is None:
                    self._refuse(coordinate, "@cacheControl says neither maxAge nor scope")
                elif seconds is not None and not 0 <= seconds <= LONGEST_AGE:
                    self._refuse(coordinate, f"maxAge is not between 0 and {LONGEST_AGE:,}")
                else:
                    self.hints[coordinate] = Hint(seconds, None if scope is None else Scope(scope))

    def _read_leaf_cost(self, nodes: Iterable[Any]) -> None:
        for node in nodes:
            for directive in _ours(node):
                text = _arguments(directive)["weight"]
                problem = weight_problem(text, Decimal(0))
                if problem is None:
                    self.leaf = Decimal(text)
                else:
                    self._refuse(f"@{LEAF_COST}", problem)

    def _list_size(self, node: FieldDefinitionNode | None, coordinate: str) -> ListSize | None:
        """What the field's directives say."""
        given: dict[str, Any] | None = None
        assumed_for: list[AssumedSizeFor] = []
        for directive in _ours(node):
            arguments = _arguments(directive)
            if directive.name.value == LIST_SIZE:
                given = arguments
            elif directive.name.value == ASSUMED_SIZE_FOR:
                assumed_for.append(self._assumed_for(coordinate, arguments))
        if given is None:
            if assumed_for:
                self._refuse(coordinate, "@assumedSizeFor needs a @listSize beside it, for other values")
            return None
        return ListSize(
            assumed_size=given.get("assumedSize"),
            slicing_arguments=_names(given.get("slicingArguments")),
            sized_fields=_names(given.get("sizedFields")),
            require_one_slicing_argument=given.get("requireOneSlicingArgument") is not False,
            assumed_for=tuple(assumed_for),
        )

    def _assumed_for(self, coordinate: str, given: Mapping[str, Any]) -> AssumedSizeFor:
        span = None
        parts = [given.get(name) for name in ("range", "seconds", "rangeSeconds")]
        match parts:
            case [str(argument), int(seconds), int(default)]:
                span = Span(argument, seconds, default)
        if span is None and any(part is not None for part in parts):
            self._refuse(coordinate, "@assumedSizeFor needs range, seconds and rangeSeconds, or none of them")
        return AssumedSizeFor(given["argument"], given["value"], given["size"], span)

    def _unbounded(self, schema: GraphQLSchema) -> None:
        """Lists whose values cost something and that nothing bounds, or two things do."""
        sizing = _sizing(schema, self.list_sizes)
        for type_ in schema.type_map.values():
            if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
                continue
            for name, field in type_.fields.items():
                named = get_named_type(field.type)
                coordinate = f"{type_.name}.{name}"
                own = self.list_sizes.get(coordinate)
                own_list = own is not None and not own.sized_fields
                returned = sizing.get(type_.name, {})
                sized_by = sorted(by for by, names in returned.items() if name in names)
                if not is_list_type(get_nullable_type(field.type)):
                    continue
                if own_list and sized_by:
                    self._refuse(coordinate, f"its size is said twice: here, and by sizedFields of {sized_by[0]}")
                if own_list:
                    continue
                if is_composite_type(named):
                    others = sorted(returned.keys() - sized_by)
                    if others or not sized_by:
                        where = f" where {others[0]} returns it" if sized_by else ""
                        self._refuse(coordinate, f"nothing bounds this list{where}: give it a @listSize")
                elif self.types.get(named.name):
                    self._refuse(coordinate, "a list of scalars that cost something needs a @listSize of its own")


def _sizing(schema: GraphQLSchema, list_sizes: Mapping[str, ListSize]) -> dict[str, dict[str, frozenset[str]]]:
    """For each object type the fields that may return it, each with the names of the lists in it that it sizes."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                coordinate = f"{type_.name}.{name}"
                size = list_sizes.get(coordinate)
                sized = frozenset(size.sized_fields if size else ())
                for returned in possible_types(schema, get_named_type(field.type)):
                    found.setdefault(returned.name, {})[coordinate] = sized
    return found


def _nodes(type_: GraphQLNamedType) -> list[Any]:
    return [type_.ast_node, *(type_.extension_ast_nodes or ())]


def _ours(node: Any) -> list[DirectiveNode]:
    directives = getattr(node, "directives", None) or ()
    return [
        one for one in directives if one.name.value in (COST, LIST_SIZE, ASSUMED_SIZE_FOR, LEAF_COST, CACHE_CONTROL)
    ]


def _arguments(directive: DirectiveNode) -> dict[str, Any]:
    return {one.name.value: value_from_ast_untyped(one.value) for one in directive.arguments or ()}


def _names(given: Any) -> tuple[str, ...]:
    """A list as it is given: one name alone is a list of one."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _signatures(document: DocumentNode) -> dict[str, str]:
    """The directive definitions without their descriptions."""
    found = {}
    for definition in document.definitions:
        if isinstance(definition, DirectiveDefinitionNode):
            arguments = ", ".join(
                f"{one.name.value}: {print_ast(one.type)}"
                + (f" = {print_ast(one.default_value)}" if one.default_value else "")
                for one in definition.arguments or ()
            )
            locations = " | ".join(sorted(one.value for one in definition.locations))
            repeatable = " repeatable" if definition.repeatable else ""
            name = definition.name.value
            found[name] = f"directive @{name}({arguments}){repeatable} on {locations}"
    return found
